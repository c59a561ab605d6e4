// A command for the terminal, with a button that copies it where the browser allows that.

import { html, useState } from "#/html.js";

/** @param {{command: string}} props */
export function Command({ command }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(command);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return html`<div class="command">
    <code tabindex="0" role="group" aria-label="Command">${command}</code>
    ${navigator.clipboard &&
    html`<button type="button" class="compact" aria-label="Copy the command ${command}" onClick=${copy}>
      <span aria-live="polite">${copied ? "Copied" : "Copy"}</span>
    </button>`}
  </div>`;
}
