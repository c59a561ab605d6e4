// All model versions as a table in the order of their descent.

import { html } from "#/html.js";
import { instant, percent } from "#/format.js";
import { DatasetName, audienceName, isOwn, shortName } from "#/pages/models/names.js";
import { Interval, scaleOf } from "#/pages/models/interval.js";
import { titleOf } from "#/pages/models/measures.js";

/**
 * Versions so that each stands below the one it descends from, with how deep it stands.
 * @returns {{model: any, depth: number, from: string|null}[]} `from`: a base outside of this list
 */
function descent(models) {
  const known = new Set(models.map((one) => one.model));
  const parent = (one) => one.parents.find((name) => known.has(name)) ?? null;
  const children = Map.groupBy(models, parent);
  const walk = (name, depth) => (children.get(name) ?? []).toSorted((a, b) => a.created_at.localeCompare(b.created_at))
    .flatMap((model) => [{ model, depth, from: name ? null : (model.base ?? null) }, ...walk(model.model, depth + 1)]);
  return walk(null, 0);
}

/** @param {{models: any[], picked: string[], onPick: (model: string, on: boolean) => void, onPromote: (model: any) => void, may: boolean}} props */
export function Versions({ models, picked, onPick, onPromote, may }) {
  const rows = descent(models);
  const scale = scaleOf(models.map((one) => one.evaluation));
  return html`<div class="table-box" tabindex="0" role="region" aria-label="Versions"><table>
    <thead><tr>
      <th scope="col"><span class="visually-hidden">Compare</span></th><th scope="col">Model</th><th scope="col">Recipe</th><th scope="col">Learned from</th>
      <th scope="col">On held-out rows</th><th scope="col">Made</th><th scope="col"><span class="visually-hidden">What to do</span></th>
    </tr></thead>
    <tbody>${rows.map((row) => html`<${Version} key=${row.model.model} ...${{ ...row, scale, may }} picked=${picked.includes(row.model.model)}
      onPick=${(on) => onPick(row.model.model, on)} onPromote=${() => onPromote(row.model)} />`)}</tbody>
  </table></div>`;
}

function Version({ model, depth, from, scale, picked, onPick, onPromote, may }) {
  return html`<tr aria-selected=${picked ? "true" : undefined}>
    <td><input type="checkbox" aria-label="Compare ${model.model}" checked=${picked} onChange=${(event) => onPick(event.currentTarget.checked)} /></td>
    <td><div class="descent" style=${{ paddingInlineStart: `${Math.max(0, depth) * 18}px` }}>
      ${depth > 0 && html`<span class="quiet" aria-hidden="true">└ </span>`}<a href="/models/${model.model}"><b>${model.model}</b></a>
      ${depth > 0 && html`<span class="visually-hidden"> descends from ${model.parents.find(isOwn)}</span>`}
      ${from && html`<div class="quiet small truncate base-name" title=${from}>from ${shortName(from)}</div>`}
      <span class="row chips">
        ${model.champion.map((who) => html`<span class="chip good" key=${who}>in use for ${audienceName(who)}</span>`)}
        ${model.audience !== "general" && html`<span class="chip">made for ${audienceName(model.audience)}</span>`}
        ${model.state === "tainted" && html`<span class="chip bad">retrain: data forgotten</span>`}
      </span></div></td>
    <td>${model.recipe ?? html`<span class="quiet nowrap">brought in</span>`}${model.run !== null && html`<div class="small"><a href="/train/${model.run}">run ${model.run}</a></div>`}</td>
    <td class="nowrap"><${DatasetName} name=${model.dataset} /></td>
    <td>${model.evaluation
      ? html`<${Interval} value=${model.evaluation.value} ci=${model.evaluation.ci} scale=${scale} /><div class="quiet small">${titleOf(model.evaluation.metric)} on ${model.evaluation.dataset}</div><${Trivial} evaluation=${model.evaluation} />`
      : html`<span class="quiet small">not measured yet</span>`}</td>
    <td class="quiet number nowrap">${instant(model.created_at)}</td>
    <td>${may && !model.champion.length && model.state !== "tainted" && html`<button class="compact" onClick=${onPromote}>Promote…</button>`}</td>
  </tr>`;
}

/** The same figure of the trivial baseline. */
function Trivial({ evaluation }) {
  const beside = evaluation.figures.baseline;
  return beside && html`<div class="quiet small nowrap">${beside.name} ${percent(beside[evaluation.metric])}</div>`;
}
