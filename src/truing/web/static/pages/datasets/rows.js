// The rows of a version, part by part.

import { html, useEffect, useState } from "#/html.js";
import { Problem, Waiting } from "#/components/states.js";
import { api } from "#/api.js";
import { seconds } from "#/format.js";

const PAGE = 50;
const PARTS = [["", "All"], ["train", "Train"], ["validation", "Validation"], ["test", "Test"]];

export function Rows({ version }) {
  const [split, setSplit] = useState("");
  return html`<section class="card stack"><header class="row between"><h2>Rows</h2>
      <div class="segments" role="group" aria-label="Part">${PARTS.map(([name, label]) => html`<button key=${name} class="compact" aria-pressed=${split === name ? "true" : "false"} onClick=${() => setSplit(name)}>${label}</button>`)}</div></header>
    <${List} key=${split} version=${version} split=${split} /></section>`;
}

function List({ version, split }) {
  const [state, setState] = useState({ rows: [], next: undefined, error: null, busy: false });
  const more = async () => {
    setState((before) => ({ ...before, busy: true, error: null }));
    try {
      const { items, next } = await api.get(`/api/datasets/${version.version.replace("@", "/")}/rows`, { split, limit: PAGE, after: state.next });
      setState((before) => ({ rows: [...before.rows, ...items], next, error: null, busy: false }));
    } catch (error) {
      setState((before) => ({ ...before, error, busy: false }));
    }
  };
  useEffect(() => void more(), []);
  if (state.error && !state.rows.length) return html`<${Problem} error=${state.error} retry=${more} />`;
  if (state.next === undefined) return html`<${Waiting} />`;
  if (!state.rows.length) return html`<p class="quiet">No rows in this part.</p>`;
  return html`<div class="stack">
    <div class="table-box" tabindex="0" role="region" aria-label="Rows"><table>
      <thead><tr><th scope="col" class="number">Row</th><th scope="col">Part</th><th scope="col">Text</th><th scope="col">Speaker</th><th scope="col" class="number">Length</th></tr></thead>
      <tbody>${state.rows.map((row) => html`<${Row} key=${row.position} row=${row} />`)}</tbody>
    </table></div>
    ${state.error && html`<${Problem} error=${state.error} retry=${more} />`}
    ${state.next !== null && !state.error && html`<button class="link" disabled=${state.busy} onClick=${more}>${state.busy ? "Fetching…" : "Show more"}</button>`}
  </div>`;
}

function Row({ row }) {
  if (row.forgotten) return html`<tr><td class="number">${row.position}</td><td>${row.split}</td><td colspan="3" class="quiet">forgotten: only its digest is left</td></tr>`;
  return html`<tr>
    <td class="number quiet">${row.position}</td><td><span class="chip" data-part=${row.split}>${row.split}</span></td>
    <td>${row.id ? html`<a href="/samples/${row.id}">${row.truth}</a>` : row.truth}</td>
    <td>${row.speaker ?? "–"}</td><td class="number">${seconds(row.duration)}</td>
  </tr>`;
}
