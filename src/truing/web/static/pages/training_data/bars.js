// Names with how often each is there, as bars.

import { html } from "#/html.js";
import { count } from "#/format.js";

/**
 * @param {{rows: {key: string, label: any, href?: string, value: number, more?: string}[], most?: number}} props
 * `most`: what a full bar stands for; the largest value unless given.
 */
export function Bars({ rows, most }) {
  const full = most ?? Math.max(1, ...rows.map((row) => row.value));
  return html`<ul class="bars">
    ${rows.map((row) => html`<li key=${row.key}>
      <span>${row.href ? html`<a href=${row.href}>${row.label}</a>` : row.label}${row.more && html` <span class="small quiet">${row.more}</span>`}</span>
      <span class="number">${count(row.value)}</span>
      <span class="bar" style=${{ "--share": row.value / full }}></span>
    </li>`)}
  </ul>`;
}
