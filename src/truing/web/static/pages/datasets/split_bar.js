// The three parts of a version as one bar with its figures.

import { html } from "#/html.js";
import { count, percent } from "#/format.js";

const PARTS = [
  { name: "train", label: "train" },
  { name: "validation", label: "validation" },
  { name: "test", label: "test" },
];

/** @param {{version: {train: number, validation: number, test: number}, onPick?: (part: string) => void}} props */
export function SplitBar({ version }) {
  const total = PARTS.reduce((sum, part) => sum + (version[part.name] ?? 0), 0);
  return html`<div class="split">
    <div class="split-bar" aria-hidden="true">
      ${PARTS.map(({ name }) => version[name] > 0 && html`<span key=${name} data-part=${name} style=${{ flexGrow: version[name] }}></span>`)}
    </div>
    <ul class="split-words small">
      ${PARTS.map(({ name, label }) => html`<li key=${name}><span class="split-key" data-part=${name} aria-hidden="true"></span> ${label} <b class="number">${count(version[name] ?? 0)}</b>
        <span class="quiet number">${total ? percent((version[name] ?? 0) / total, 0) : ""}</span></li>`)}
    </ul>
  </div>`;
}
