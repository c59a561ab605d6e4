// One model: where it comes from, what it measured, its files, and what can be done with it.

import { html, useState } from "#/html.js";
import { Icon } from "#/components/icon.js";
import { Problem, Waiting, useFetched } from "#/components/states.js";
import { api } from "#/api.js";
import { bytes, counted, instant, percent } from "#/format.js";
import { named } from "#/pages/train/curves.js";
import { told } from "#/pages/train/run.js";
import { DatasetName, ModelName, audienceName, shortName } from "#/pages/models/names.js";
import { Interval, scaleOf } from "#/pages/models/interval.js";
import { MeasureTable, measuresIn, titleOf } from "#/pages/models/measures.js";
import { MoveList } from "#/pages/models/moves.js";
import { PromoteDialog } from "#/pages/models/promote.js";
import { about } from "#/shell.js";

export function Details({ name }) {
  const { data, error, reload } = useFetched(() => whole(name), [name]);
  const [promoting, setPromoting] = useState(false);
  const may = about.value?.rights?.includes("operate") ?? true;
  const back = html`<p><a href="/models">All models</a></p>`;
  if (error) return html`<header class="page-head"><div><h1>${name}</h1>${back}</div></header><${Problem} error=${error} retry=${reload} />`;
  if (!data) return html`<${Waiting} lines=${8} />`;
  const { model, datasets, champion } = data;
  return html`
    <header class="page-head">
      <div><h1>${model.model}</h1>${back}</div>
      <div class="row">
        ${champion && champion !== model.model && html`<a class="button" href="/models/compare?first=${encodeURIComponent(champion)}&second=${encodeURIComponent(model.model)}">Compare with ${champion}</a>`}
        <a class="button" href="/api/models/${model.model}/export" download><${Icon} name="download" /> Export</a>
        ${may && !model.champion.length && model.state !== "tainted" && html`<button class="primary" onClick=${() => setPromoting(true)}>Promote…</button>`}
      </div>
    </header>
    <div class="sections">
      <${Origin} model=${model} />
      <${Measured} model=${model} />
      <${Moves} moves=${model.promotions} />
      <${Recipe} run=${data.run} />
      <${Files} model=${model} />
    </div>
    ${promoting && html`<${PromoteDialog} model=${model} datasets=${datasets} onClose=${() => setPromoting(false)} onDone=${() => { setPromoting(false); reload(); }} />`}`;
}

async function whole(name) {
  const model = await api.get(`/api/models/${name}`);
  const [datasets, champions, run] = await Promise.all([
    api.get("/api/datasets", { modality: name.split("/")[0], limit: 100 }),
    api.get("/api/champions", { modality: name.split("/")[0] }),
    model.run === null ? null : api.get(`/api/runs/${model.run}`).catch(() => null),
  ]);
  const champion = champions.items.find((one) => one.audience === model.audience) ?? champions.items.find((one) => one.audience === "general");
  return { model, run, datasets: datasets.items.filter((one) => one.test > 0), champion: champion?.model ?? null };
}

function Origin({ model }) {
  const facts = [
    ["State", model.state === "tainted" ? html`<span class="chip bad">retrain: data it learned from was forgotten</span>` : model.champion.length ? model.champion.map((who) => html`<span class="chip good" key=${who}>in use for ${audienceName(who)}</span> `) : "ready"],
    ["Made for", audienceName(model.audience)],
    ["Made", instant(model.created_at)],
    ["Recipe", model.recipe ?? "brought in from outside"],
    ["Learned from", html`<${DatasetName} name=${model.dataset} />`],
    ["Run", model.run === null ? "–" : html`<a href="/train/${model.run}">run ${model.run}</a>`],
    ["Licence", model.licence ?? "not told"],
    ["Digest", html`<code class="small digest">${model.digest}</code>`],
  ];
  return html`<section class="card"><h2>Where it comes from</h2>
    <dl class="facts">${facts.map(([what, value]) => html`<div key=${what}><dt>${what}</dt><dd>${value}</dd></div>`)}</dl>
    ${model.parents.length > 0 && html`<ol class="lineage" aria-label="Descent, nearest first">
      <li><b>${model.model}</b></li>
      ${model.parents.map((parent) => html`<li key=${parent}><span aria-hidden="true">←</span> <${ModelName} name=${parent} /></li>`)}
    </ol>`}
    ${(model.notes ?? []).map((note) => html`<p class="small quiet" key=${note}>${note}</p>`)}
  </section>`;
}

function Measured({ model }) {
  const evaluations = model.evaluations ?? [];
  const figures = Object.entries(model.figures).filter(([, value]) => typeof value === "number");
  const scale = scaleOf(evaluations);
  return html`<section class="card stack"><h2>What it measured</h2>
    ${evaluations.length > 0 ? html`<div class="table-box" tabindex="0" role="region" aria-label="Evaluations"><table>
      <thead><tr><th scope="col">On</th><th scope="col">Figure, with its interval</th><th scope="col" class="number">Rows</th><th scope="col">Trivial baseline</th><th scope="col">When</th></tr></thead>
      <tbody>${evaluations.map((one) => html`<tr key=${`${one.dataset} ${one.split}`}>
        <td><${DatasetName} name=${one.dataset} /> <span class="quiet small">${one.split}</span></td>
        <td><${Interval} value=${one.value} ci=${one.ci} scale=${scale} /> <span class="quiet small">${titleOf(one.metric)}</span></td>
        <td class="number">${one.rows}</td>
        <td class="number">${one.figures.baseline ? html`${percent(one.figures.baseline[one.metric])} <span class="quiet small">${one.figures.baseline.name}</span>` : "–"}</td>
        <td class="quiet">${instant(one.at)}</td></tr>`)}</tbody>
    </table></div>` : html`<p class="quiet">Not measured on held-out rows yet: the gate does it before a promotion.</p>`}
    ${evaluations.slice(0, 1).map((one) => html`<${AllMeasures} key=${one.at} evaluation=${one} />`)}
    ${figures.length > 0 && html`<h3>While training</h3><dl class="facts">${figures.map(([name, value]) => html`<div key=${name}><dt>${named(name)}</dt><dd class="number">${told(name, value)}</dd></div>`)}</dl>`}
  </section>`;
}

/** Every measure of the newest evaluation of a model that makes pictures, beside the unchanged input. */
function AllMeasures({ evaluation }) {
  const measures = measuresIn(evaluation.figures);
  if (!measures.length) return null;
  return html`<h3>All measures on ${evaluation.dataset}</h3>
    <${MeasureTable} label="All measures" measures=${measures} columns=${[["value", "this model"], ["baseline", evaluation.figures.baseline?.name ?? "baseline"]]} />`;
}

/** When it came into use, and when another took over. */
function Moves({ moves }) {
  if (!moves.length) return null;
  return html`<section class="card"><h2>When it was in use</h2><${MoveList} moves=${moves} /></section>`;
}

function Recipe({ run }) {
  if (!run) return null;
  const { options = {}, base, replay, seed } = run.request;
  const shown = Object.entries({ base: base && shortName(base), replay, seed, ...options }).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return html`<details class="card"><summary><h2>How it was trained</h2> <span class="quiet small">${counted(shown.length, "choice")}</span></summary>
    <dl class="facts">${shown.map(([name, value]) => html`<div key=${name}><dt>${named(name)}</dt><dd class="mono small">${String(value)}</dd></div>`)}</dl>
  </details>`;
}

function Files({ model }) {
  const total = model.files.reduce((sum, file) => sum + file.size, 0);
  return html`<details class="card"><summary><h2>Files</h2> <span class="quiet small">${counted(model.files.length, "file")}, ${bytes(total)}</span></summary>
    <div class="table-box" tabindex="0" role="region" aria-label="Files"><table>
      <thead><tr><th scope="col">Name</th><th scope="col" class="number">Size</th><th scope="col">SHA-256</th></tr></thead>
      <tbody>${model.files.map((file) => html`<tr key=${file.name}><td class="mono small">${file.name}</td><td class="number">${bytes(file.size)}</td><td class="mono small digest" title=${file.sha256}>${file.sha256.replace("sha256:", "").slice(0, 16)}…</td></tr>`)}</tbody>
    </table></div>
  </details>`;
}
