// What both recorders show: how long it takes, and why a device is kept away.

import { html, useEffect, useState } from "#/html.js";
import { seconds } from "#/format.js";

/** The time since `began` (ms of the page's clock). */
export function Timer({ began }) {
  const [now, setNow] = useState(began);
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 100);
    return () => clearInterval(timer);
  }, []);
  return html`<span class="number" aria-hidden="true">${seconds(Math.max(0, now - began) / 1000)}</span>`;
}

/** @param {{device: string}} props */
export function Insecure({ device }) {
  return html`<div class="notice">
    <strong>The ${device} works on this machine and over https only.</strong>
    <p>This page came over plain http from another machine, so the browser keeps the ${device} away. Record with the device's own recorder below, or open the page as <code>http://127.0.0.1</code> on the server's machine.</p>
  </div>`;
}
