// Two models on the same rows: figures with intervals, and every difference to read and to hear.

import { html, useEffect, useState } from "#/html.js";
import { Field } from "#/components/field.js";
import { Empty, Problem, useFetched } from "#/components/states.js";
import { api } from "#/api.js";
import { counted, percent } from "#/format.js";
import { Heard } from "#/pages/models/heard.js";
import { Interval, chance, points, scaleOf } from "#/pages/models/interval.js";
import { ModelName, shortName } from "#/pages/models/names.js";
import { People, PictureLists, PictureMeasures } from "#/pages/models/pictures.js";
import { titleOf } from "#/pages/models/measures.js";
import { Working, follow } from "#/components/work.js";
import { WordDiff } from "#/components/word_diff.js";
import { route, setParams } from "#/router.js";

const SHOWN = 8;

export function Compare() {
  const { data, error, reload } = useFetched(choices, []);
  const asked = Object.fromEntries(["first", "second", "dataset"].map((name) => [name, route.value.params.get(name)]));
  return html`
    <header class="page-head"><div><h1>Compare two models</h1><p><a href="/models">All models</a></p></div></header>
    ${error && html`<${Problem} error=${error} retry=${reload} />`}
    <div class="sections">
      ${data && html`<${Choose} ...${data} asked=${asked} />`}
      ${data && (asked.first && asked.second && datasetOf(asked, data) ? html`<${Result} key=${JSON.stringify(asked)} asked=${{ ...asked, dataset: datasetOf(asked, data) }} />` : html`
        <${Empty} title="Choose two models" icon="model"><p>Both get the same held-out rows, and chance is reckoned with.</p><//>`)}
    </div>`;
}

async function choices() {
  // Only models of one modality can be compared.
  const modality = route.peek().params.get("first")?.split("/")[0];
  const [models, datasets] = await Promise.all([api.get("/api/models", { modality, limit: 200 }), api.get("/api/datasets", { modality, limit: 100 })]);
  return { models: models.items, datasets: datasets.items.filter((one) => one.test > 0) };
}

/** The dataset asked for; else the one that the second model was trained on, else the newest with test rows. */
function datasetOf(asked, { models, datasets }) {
  if (asked.dataset) return asked.dataset;
  const own = models.find((one) => one.model === asked.second)?.dataset;
  return datasets.find((one) => one.version === own)?.version ?? datasets[0]?.version ?? null;
}

function Choose({ models, datasets, asked }) {
  const names = [...new Set([...models.flatMap((one) => [one.model, ...(one.base ? [one.base] : [])]), ...["first", "second"].map((name) => asked[name]).filter(Boolean)])];
  const field = (name, label) => html`<${Field} label=${label}>${(own) => html`<select ...${own} value=${asked[name] ?? ""} onChange=${(event) => setParams({ [name]: event.currentTarget.value })}>
      ${!asked[name] && html`<option value="">choose</option>`}
      ${names.map((one) => html`<option key=${one} value=${one}>${shortName(one)}${models.find((model) => model.model === one)?.champion.length ? " · in use" : ""}</option>`)}
    </select>`}<//>`;
  return html`<section class="card" aria-label="What to compare"><div class="fields">
    ${field("first", "The one in use")}${field("second", "The candidate")}
    <${Field} label="On the test rows of">${(own) => html`<select ...${own} value=${datasetOf(asked, { models, datasets }) ?? ""} onChange=${(event) => setParams({ dataset: event.currentTarget.value })}>
        ${datasets.map((one) => html`<option key=${one.version} value=${one.version}>${one.version} · ${one.test} rows</option>`)}
      </select>`}<//>
  </div></section>`;
}

function Result({ asked }) {
  const [state, setState] = useState({ found: null, error: null, work: null });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let left = false;
    const show = (next) => !left && setState({ found: null, error: null, work: null, ...next });
    show({});
    follow(api.get("/api/compare", asked), (work) => show({ work })).then((found) => show({ found }), (error) => show({ error }));
    return () => void (left = true);
  }, [turn]);
  if (state.error) return html`<${Problem} error=${state.error} retry=${() => setTurn(turn + 1)} />`;
  if (!state.found) return html`<section class="card"><${Working} work=${state.work} text="Both models read the test rows" /></section>`;
  if (state.found.measures) return html`<${OfPictures} found=${state.found} />`;
  return html`<${Figures} found=${state.found} /><${Slices} found=${state.found} /><${Lists} found=${state.found} />`;
}

function OfPictures({ found }) {
  return html`<${Figures} found=${found} /><${People} found=${found} /><${PictureMeasures} found=${found} /><${Slices} found=${found} /><${PictureLists} found=${found} />`;
}

function Figures({ found }) {
  const name = titleOf(found.metric);
  const better = found.higher_is_better ? found.difference > 0 : found.difference < 0;
  const sure = found.ci && (found.ci[0] > 0 || found.ci[1] < 0);
  // Nearness to a target is not called better.
  const near = found.measures && !found.measures[0].proves;
  const [more, less, same] = near ? ["nearer to the targets", "farther from the targets", "as near to the targets as"] : ["better", "worse", "as good as"];
  return html`<section class="card" aria-label="What came out">
    <p class="compare-sentence"><${ModelName} name=${found.b.model} /> is ${!found.difference ? same : html`<strong class=${sure ? (better ? "good" : "bad") : ""}>${Math.abs(found.difference * 100).toFixed(1)} points ${better ? more : less}</strong> than`} <${ModelName} name=${found.a.model} />${sure || !found.difference ? "" : ", which may be chance"}.</p>
    <div class="table-box" tabindex="0" role="region" aria-label="Figures"><table>
      <thead><tr><th scope="col">Model</th><th scope="col" class="number">${name}</th><th scope="col">Difference in points, ${percent(found.level, 0)} interval</th><th scope="col" class="number">p</th><th scope="col" class="number">Better</th><th scope="col" class="number">Worse</th><th scope="col" class="number">Same</th></tr></thead>
      <tbody>
        <tr><th scope="row"><${ModelName} name=${found.a.model} /></th><td class="number">${percent(found.a[found.metric])}</td><td colspan="5" class="quiet small">what the other is compared with</td></tr>
        <tr><th scope="row"><${ModelName} name=${found.b.model} /></th><td class="number">${percent(found.b[found.metric])}</td>
          <td><${Interval} value=${found.difference} ci=${found.ci} format=${points} mark=${0} scale=${scaleOf([{ value: found.difference, ci: found.ci }], 0)} /></td>
          <td class="number">${chance(found.p_value)}</td><td class="number">${found.wins}</td><td class="number">${found.losses}</td><td class="number">${found.ties}</td></tr>
      </tbody>
    </table></div>
    <p class="quiet small">${counted(found.rows, "row")} of ${found.dataset}, ${found.split}, in ${counted(found.clusters, "group")} that are drawn together; ${found.method === "exact" ? "exact" : "randomised"} permutation test, two-sided.
      ${found.only_a || found.only_b || found.changed ? ` Left out: ${found.only_a + found.only_b} rows that only one has learned nothing of, ${found.changed} whose truth has changed.` : ""}</p>
  </section>`;
}

function Slices({ found }) {
  if ((found.slices ?? []).length < 2) return null;
  return html`<section class="card"><h2>By speaker</h2>
    <div class="table-box" tabindex="0" role="region" aria-label="By speaker"><table>
      <thead><tr><th scope="col">Speaker</th><th scope="col" class="number">Rows</th><th scope="col" class="number">${shortName(found.a.model)}</th><th scope="col" class="number">${shortName(found.b.model)}</th></tr></thead>
      <tbody>${found.slices.map((one) => html`<tr key=${one.name}><th scope="row">${one.name}</th><td class="number">${one.rows}</td><td class="number">${percent(one.a)}</td><td class="number">${percent(one.b)}</td></tr>`)}</tbody>
    </table></div></section>`;
}

/** What the candidate reads better, and what worse, with the sound. */
function Lists({ found }) {
  return html`<div class="compare-lists">
    <${List} title="Where ${shortName(found.b.model)} is better" rows=${found.best} found=${found} empty="Nowhere." />
    <${List} title="Where it is worse" rows=${found.worst} found=${found} empty="Nowhere." />
  </div>`;
}

function List({ title, rows, found, empty }) {
  const [all, setAll] = useState(false);
  const shown = all ? rows : rows.slice(0, SHOWN);
  return html`<section class="card" aria-label=${title}>
    <h2>${title}</h2>
    ${rows.length === 0 ? html`<p class="quiet">${empty}</p>` : html`<ol class="differences">${shown.map((row) => html`<li key=${row.sample}>
      ${row.id ? html`<${Heard} sample=${row.id} />` : html`<span class="quiet small">gone</span>`}
      <dl>
        <div><dt>said</dt><dd>${row.truth}</dd></div>
        <div><dt>${shortName(found.a.model)}</dt><dd><${WordDiff} before=${row.truth ?? ""} after=${row.a} /></dd></div>
        <div><dt>${shortName(found.b.model)}</dt><dd><${WordDiff} before=${row.truth ?? ""} after=${row.b} /></dd></div>
      </dl>
      ${row.subject && html`<span class="chip">${row.subject}</span>`}
    </li>`)}</ol>`}
    ${rows.length > shown.length && html`<button class="link" onClick=${() => setAll(true)}>Show all ${rows.length}</button>`}
  </section>`;
}
