// Training: start a run, watch it, steer it, and look back at those before.

import { html, useCallback, useState } from "#/html.js";
import { Empty, Problem, Waiting, useFetched } from "#/components/states.js";
import { Icon } from "#/components/icon.js";
import { ModalitySwitch, useModality } from "#/components/modality.js";
import { ago } from "#/format.js";
import { api } from "#/api.js";
import { CurvesBeside } from "#/pages/train/curves.js";
import { History } from "#/pages/train/history.js";
import { ModelName } from "#/pages/models/names.js";
import { Plan } from "#/pages/train/plan.js";
import { Points } from "#/pages/train/points.js";
import { RunView } from "#/pages/train/run.js";
import { StateChip, active } from "#/pages/train/state.js";
import { readyWords } from "#/pages/train/data.js";
import { route } from "#/router.js";
import { useChanges } from "#/changes.js";

export const title = "Train";

export function Page() {
  const [part] = route.value.rest;
  if (part === "compare") return html`<${Beside} />`;
  if (part) return html`<${OneRun} id=${part} />`;
  return html`<${Overview} />`;
}

function Overview() {
  const modality = useModality();
  const { data, error, reload } = useFetched(() => api.get("/api/train/status", { modality }), [modality]);
  const refresh = useCallback(() => reload(), [reload]);
  useChanges("runs", refresh);
  useChanges("samples", refresh);
  const going = (data?.active ?? []).filter((run) => active(run) || run.state === "paused");
  return html`
    <header class="page-head"><div>
      <h1>Train</h1>
      <p aria-live="polite">${data ? readyWords(data) : " "}</p>
    </div><${ModalitySwitch} value=${modality} /></header>
    ${error && !data && html`<${Problem} error=${error} retry=${reload} />`}
    <div class="sections">
      ${going.map((run) => html`<${RunView} key=${run.run} id=${run.run} />`)}
      <div class=${going.length ? "sections" : "columns"}>
        ${going.length ? html`<${Another} key=${modality} modality=${modality} />` : html`<${Plan} key=${modality} modality=${modality} />`}
        ${data ? html`<${Standing} status=${data} wide=${going.length > 0} />` : html`<${Waiting} />`}
      </div>
      <${History} />
    </div>`;
}

/** The form behind a button while a run goes on: a second one waits for the device. */
function Another({ modality }) {
  const [open, setOpen] = useState(Boolean(route.value.params.get("like")));
  if (open) return html`<${Plan} modality=${modality} />`;
  return html`<section class="card"><div class="row between">
    <span class="quiet">One run has the device at a time; another one waits for it.</span>
    <button onClick=${() => setOpen(true)}>Plan another run</button>
  </div></section>`;
}

/** What there is to learn from, what was trained last, what is in use. */
function Standing({ status, wide }) {
  const last = status.last;
  return html`<aside class="card standing" aria-label="Where things stand">
    <h2>Where things stand</h2>
    <dl class="facts ${wide ? "" : "one"}">
      <div><dt>Reviewed, not trained on yet</dt><dd class="figure-value">${(status.ready ?? 0).toLocaleString()}</dd></div>
      <div><dt>Reviewed in all</dt><dd class="number">${(status.reviewed ?? 0).toLocaleString()}</dd></div>
      <div><dt>Last training</dt><dd>${last ? html`<a href="/train/${last.run}">Run ${last.run}</a> <${StateChip} run=${last} /> <span class="quiet small">${ago(last.ended_at ?? last.created_at)}</span>` : "none yet"}</dd></div>
      <div><dt>Model in use</dt><dd>${status.champion ? html`<${ModelName} name=${status.champion} />` : html`none: <a href="/models">promote one</a>`}</dd></div>
    </dl>
    <a class="button compact" href="/review"><${Icon} name="review" /> Review more</a>
  </aside>`;
}

function OneRun({ id }) {
  if (!/^\d+$/.test(id)) return html`<${Problem} error=${{ message: `“${id}” is no run`, hint: "runs have numbers; see the list on Train" }} />`;
  return html`<${RunView} key=${id} id=${id} whole />`;
}

/** The curves of two runs, laid over each other. */
function Beside() {
  const ids = [route.value.params.get("first"), route.value.params.get("second")].filter(Boolean);
  const { data, error, reload } = useFetched(() => Promise.all(ids.map(whole)), [ids.join()]);
  return html`
    <header class="page-head"><div><h1>Runs ${ids.join(" and ")}</h1><p><a href="/train">All runs</a></p></div></header>
    ${error ? html`<${Problem} error=${error} retry=${reload} />` : !data ? html`<${Waiting} lines=${6} />` : html`<${Laid} runs=${data} />`}`;
}

async function whole(id) {
  const run = await api.get(`/api/runs/${id}`);
  const points = new Points();
  for (let after = -1; after !== null; ) {
    const { items, next } = await api.get(`/api/runs/${id}/metrics`, { after_step: after });
    points.add(items);
    after = next ?? null;
  }
  return { run, points };
}

function Laid({ runs }) {
  if (runs.length < 2) return html`<${Empty} title="Two runs are needed" icon="train"><p><a href="/train">Tick two in the list of runs.</a></p><//>`;
  return html`<div class="sections">
    <section class="card"><${CurvesBeside} runs=${runs} /></section>
    <${Differences} runs=${runs} />
  </div>`;
}

/** Options in which the runs differ. */
function Differences({ runs }) {
  const [first, second] = runs.map(({ run }) => ({ ...run.request, ...run.request.options, options: undefined }));
  const differing = [...new Set([...Object.keys(first), ...Object.keys(second)])].filter((name) => JSON.stringify(first[name]) !== JSON.stringify(second[name]));
  return html`<section class="card"><h2>What differed</h2>
    ${differing.length
      ? html`<div class="table-box" tabindex="0" role="region" aria-label="What differed"><table>
          <thead><tr><th scope="col">Option</th>${runs.map(({ run }) => html`<th scope="col" key=${run.run}>Run ${run.run}</th>`)}</tr></thead>
          <tbody>${differing.map((name) => html`<tr key=${name}><th scope="row">${name.replaceAll("_", " ")}</th><td class="mono small">${String(first[name] ?? "–")}</td><td class="mono small">${String(second[name] ?? "–")}</td></tr>`)}</tbody>
        </table></div>`
      : html`<p class="quiet">Nothing: the same request twice.</p>`}
  </section>`;
}
