// The same figures by source and by week, as tables.

import { html, useState } from "#/html.js";
import { address } from "#/api.js";
import { bytes, count, counted } from "#/format.js";

/** Rows that are shown before somebody asks for all. */
const FIRST = 10;

export function BySource({ data, words, of }) {
  const rows = data.by_source.map((one) => ({
    key: one.source, name: html`<a href=${address("/samples", { ...of, source: one.source })}>${one.source}</a>`,
    cells: [count(one.samples), count(one.media), bytes(one.bytes)],
  }));
  return html`<${Table} title="By source" heads=${["Source", words.samples, words.media, "Size"]} rows=${rows} noun="source" />`;
}

export function ByWeek({ data, words, of }) {
  const rows = [...data.by_week].reverse().map((one) => ({
    key: one.week, name: html`<a href=${address("/samples", { ...of, from: one.week, until: weekAfter(one.week) })}>${one.week}</a>`,
    cells: [count(one.samples), count(one.media), bytes(one.bytes), one.mean_rating === null ? "–" : `${one.mean_rating.toFixed(1)} (${count(one.rated)})`],
  }));
  return html`<${Table} title="By week" heads=${["Week of", words.samples, words.media, "Size", "Rating"]} rows=${rows} noun="week" />`;
}

function weekAfter(day) {
  const next = new Date(`${day}T00:00:00Z`);
  next.setUTCDate(next.getUTCDate() + 7);
  return next.toISOString().slice(0, 10);
}

function Table({ title, heads, rows, noun }) {
  const [all, setAll] = useState(false);
  const shown = all ? rows : rows.slice(0, FIRST);
  return html`<div class="stack">
    <h2>${title}</h2>
    <div class="table-box" tabindex="0" role="region" aria-label=${title}><table>
      <thead><tr>${heads.map((head, at) => html`<th scope="col" class=${at ? "number" : ""} key=${head}>${head}</th>`)}</tr></thead>
      <tbody>${shown.map((row) => html`<tr key=${row.key}>
        <th scope="row" class="table-name">${row.name}</th>${row.cells.map((cell, at) => html`<td class="number" key=${at}>${cell}</td>`)}
      </tr>`)}</tbody>
    </table></div>
    ${rows.length > FIRST && html`<div><button type="button" class="compact" aria-expanded=${String(all)} onClick=${() => setAll(!all)}>
      ${all ? "Show fewer" : `Show all ${counted(rows.length, noun)}`}</button></div>`}
  </div>`;
}
