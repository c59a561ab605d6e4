// What rules would take now: a table with a few of the samples, before anything is done.

import { html } from "#/html.js";
import { bytes, count, counted } from "#/format.js";

export const DEEDS = { delete: "into the trash", erase: "erased for good", archive: "into an archive" };

export function Plan({ plan, once, action }) {
  if (!plan.samples) {
    const spared = plan.rules.some((one) => one.spared);
    return html`<p class="notice" role="status">Nothing would go: no sample is beyond its limit${spared ? ", but for those that dataset versions hold" : ""}.</p>`;
  }
  return html`<div class="stack">
    <div class="row between"><p role="status"><b>${counted(plan.samples, "sample")} with ${bytes(plan.bytes)} would go now.</b> <span class="quiet">Nothing was changed yet.</span></p></div>
    <div class="table-box" tabindex="0" role="region" aria-label="What would go now"><table class="storage-plan">
      <thead><tr><th scope="col">Rule</th><th scope="col" class="number">Samples</th><th scope="col" class="number">Size</th></tr></thead>
      <tbody>${plan.rules.map((one) => html`<${Row} key=${one.rule} taking=${one} />`)}</tbody>
    </table></div>
    ${action && html`<div class="row">${action}${once && html`<span class="small quiet">These rules are not saved: this would be done once.</span>`}</div>`}
  </div>`;
}

function Row({ taking }) {
  return html`<tr>
    <td><code>${taking.rule}</code> <span class="chip">${DEEDS[taking.deed]}</span>
      ${notes(taking).map((note) => html`<small class="quiet" key=${note}>${note}</small>`)}
      ${taking.examples.length > 0 && html`<${Examples} items=${taking.examples} more=${taking.samples - taking.examples.length} />`}</td>
    <td class="number">${count(taking.samples)}</td>
    <td class="number">${taking.samples ? bytes(taking.bytes) : "–"}</td>
  </tr>`;
}

/** Some samples by their texts, to look at. */
export function Examples({ items, more }) {
  return html`<ul class="storage-examples small" aria-label="Some of them">
    ${items.map((one) => html`<li key=${one.id}><a href=${`/samples/${one.id}`}>${one.text || `sample ${one.id}`}</a>
      <span class="quiet">${one.state}, ${one.source}, ${(one.added_at ?? one.captured_at).slice(0, 10)}</span></li>`)}
    ${more > 0 && html`<li class="quiet">and ${count(more)} more</li>`}
  </ul>`;
}

function notes(one) {
  const told = [];
  if (one.learned) told.push(`A model in use learned from ${count(one.learned)} of them.`);
  else if (one.frozen) told.push(`${count(one.frozen)} of them stand in dataset versions.`);
  if (one.spared) told.push(`${count(one.spared)} more stay: dataset versions hold them.`);
  return told;
}
