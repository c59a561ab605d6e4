// Nearer, farther, and to the side: the buttons and the keys of one view of several pictures.

import { html } from "#/html.js";
import { Icon } from "#/components/icon.js";
import { NEAREST } from "#/components/shared_view.js";
import { keysOf } from "#/keymap.js";

const NEARER = 1.5;
const PAN_STEP = 0.1;

/**
 * Rows for the table of keys.
 * @param {string} name what the ids begin with
 * @param {(id: string, what: string, keys: string[]) => import("#/keymap.js").Action} row
 * @param {string[]} nearer the keys for nearer
 */
export const zoomRows = (name, row, nearer) => [
  row(`${name}.nearer`, "nearer", nearer),
  row(`${name}.farther`, "farther", ["-"]),
  row(`${name}.whole`, "whole pictures", ["z"]),
  row(`${name}.pan-left`, "look to the left", ["Shift+ArrowLeft"]),
  row(`${name}.pan-right`, "look to the right", ["Shift+ArrowRight"]),
  row(`${name}.pan-up`, "look up", ["Shift+ArrowUp"]),
  row(`${name}.pan-down`, "look down", ["Shift+ArrowDown"]),
];

/**
 * What these keys do, for `useKeys`.
 * @param {string} name
 * @param {import("#/components/shared_view.js").SharedView} view
 */
export const zoomActs = (name, view) => ({
  [`${name}.nearer`]: () => view.zoomBy(NEARER),
  [`${name}.farther`]: () => view.zoomBy(1 / NEARER),
  [`${name}.whole`]: () => view.reset(),
  [`${name}.pan-left`]: () => view.panBy(PAN_STEP, 0),
  [`${name}.pan-right`]: () => view.panBy(-PAN_STEP, 0),
  [`${name}.pan-up`]: () => view.panBy(0, PAN_STEP),
  [`${name}.pan-down`]: () => view.panBy(0, -PAN_STEP),
});

/** @param {{name: string, view: import("#/components/shared_view.js").SharedView, disabled?: boolean}} props */
export function Zoom({ name, view, disabled = false }) {
  const { zoom } = view.seen.value;
  const acts = zoomActs(name, view);
  const button = (id, title, icon, off) => html`<button class="icon" aria-label=${title} title="${title} (${keysOf(id)})" disabled=${disabled || off} onClick=${acts[id]}><${Icon} name=${icon} /></button>`;
  return html`<span class="zoom">
    ${button(`${name}.farther`, "Farther", "farther", zoom === 1)}
    <button class="zoom-scale number" aria-label="Whole pictures" title="Whole pictures (${keysOf(`${name}.whole`)})" disabled=${disabled || zoom === 1} onClick=${acts[`${name}.whole`]}>${zoom === 1 ? "whole" : `${zoom.toFixed(1)} ×`}</button>
    ${button(`${name}.nearer`, "Nearer", "nearer", zoom >= NEAREST)}
  </span>`;
}
