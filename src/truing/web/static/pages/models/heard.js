// A sample as its modality shows it in lists: fetched when it comes into view.

import { html, useEffect, useRef, useState } from "#/html.js";
import { api } from "#/api.js";
import { panelOf } from "#/panels.js";

/** @param {{sample: number|string}} props its number */
export function Heard({ sample }) {
  const place = useRef(null);
  const [shown, setShown] = useState(null);
  const [gone, setGone] = useState(null);
  useEffect(() => {
    const watcher = new IntersectionObserver(async ([entry]) => {
      if (!entry.isIntersecting) return;
      watcher.disconnect();
      try {
        const found = await api.get(`/api/samples/${sample}`);
        setShown({ found, panel: await panelOf(found.modality) });
      } catch (error) {
        setGone(error.message);
      }
    });
    watcher.observe(place.current);
    return () => watcher.disconnect();
  }, [sample]);
  return html`<span class="heard-sample" ref=${place}>
    ${shown && html`<${shown.panel.Thumb} sample=${shown.found} />`}
    ${gone && html`<span class="quiet small" title=${gone}>gone</span>`}
  </span>`;
}
