// All runs as a table; two of them can be laid over each other.

import { html, useCallback, useState } from "#/html.js";
import { Empty, Problem, Waiting, useFetched } from "#/components/states.js";
import { instant, seconds } from "#/format.js";
import { StateChip } from "#/pages/train/state.js";
import { told } from "#/pages/train/run.js";
import { api } from "#/api.js";
import { useChanges } from "#/changes.js";
import { shortName } from "#/pages/models/names.js";

const PAGE = 25;

/** Runs, newest first. */
export function History() {
  const [limit, setLimit] = useState(PAGE);
  const [picked, setPicked] = useState([]);
  const { data, error, reload } = useFetched(() => api.get("/api/runs", { limit }), [limit]);
  useChanges("runs", useCallback(() => reload(), [reload]));
  if (error && !data) return html`<${Problem} error=${error} retry=${reload} />`;
  if (!data) return html`<${Waiting} />`;
  if (!data.items.length) {
    return html`<${Empty} title="No training yet" icon="train"><p>Runs stay here with their figures, whatever becomes of their models.</p><//>`;
  }
  const pick = (id, on) => setPicked(on ? [...picked.slice(-1), id] : picked.filter((one) => one !== id));
  const [first, second] = [...picked].sort((a, b) => a - b);
  return html`<div class="stack">
    <div class="row between">
      <h2>Runs</h2>
      ${second !== undefined
        ? html`<a class="button compact" href="/train/compare?first=${first}&second=${second}">Compare the curves of ${first} and ${second}</a>`
        : html`<span class="quiet small">Tick two to compare their curves</span>`}
    </div>
    <div class="table-box" tabindex="0" role="region" aria-label="Runs"><table>
      <thead><tr>
        <th scope="col"><span class="visually-hidden">Compare</span></th><th scope="col">Run</th><th scope="col">State</th><th scope="col">Dataset</th><th scope="col">Base</th>
        <th scope="col" class="number">Loss</th><th scope="col" class="number">Validation</th><th scope="col" class="number">Took</th><th scope="col">Model</th><th scope="col">Asked for</th>
      </tr></thead>
      <tbody>${data.items.map((run) => html`<${Row} key=${run.run} run=${run} picked=${picked.includes(run.run)} onPick=${(on) => pick(run.run, on)} />`)}</tbody>
    </table></div>
    ${data.next && limit < 200 && html`<button class="link" onClick=${() => setLimit(Math.min(200, limit + PAGE))}>Show more</button>`}
  </div>`;
}

function Row({ run, picked, onPick }) {
  const figures = run.figures ?? {};
  const shown = (name) => (typeof figures[name] === "number" ? told(name, figures[name]) : "–");
  const took = run.started_at && run.ended_at ? seconds((new Date(run.ended_at) - new Date(run.started_at)) / 1000) : "–";
  return html`<tr aria-selected=${picked ? "true" : undefined}>
    <td><input type="checkbox" aria-label="Compare the curves of run ${run.run}" checked=${picked} onChange=${(event) => onPick(event.currentTarget.checked)} /></td>
    <td class="nowrap"><a href="/train/${run.run}">Run ${run.run}</a></td>
    <td><${StateChip} run=${run} /></td>
    <td class="nowrap"><a href="/datasets/${run.request.dataset.replace("@", "/")}">${run.request.dataset}</a></td>
    <td class="truncate base-name" title=${run.request.base ?? ""}>${run.request.base ? shortName(run.request.base) : "–"}</td>
    <td class="number">${shown("train_loss")}</td>
    <td class="number nowrap">${validated(figures)}</td>
    <td class="number nowrap">${took}</td>
    <td class="nowrap">${run.model ? html`<a href="/models/${run.model}">${run.model}</a>` : "–"}</td>
    <td class="quiet number nowrap">${instant(run.created_at)}</td>
  </tr>`;
}

/** The figure that a run was validated by: each modality has its own, the loss where there is no other. */
function validated(figures) {
  const names = Object.keys(figures).filter((name) => /^validation_[a-z]+$/.test(name) && typeof figures[name] === "number");
  const name = names.find((one) => one !== "validation_loss") ?? names[0];
  if (!name) return "–";
  const measure = name.replace("validation_", "");
  return html`${told(name, figures[name])} <span class="quiet small">${/^[wc]er$/.test(measure) ? measure.toUpperCase() : measure}</span>`;
}
