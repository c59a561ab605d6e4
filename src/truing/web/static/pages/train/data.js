// Which data a new run learns from: everything reviewed until now, or a version that is frozen already.

import { html } from "#/html.js";
import { Field } from "#/components/field.js";
import { counted } from "#/format.js";
import { SplitBar } from "#/pages/datasets/split_bar.js";

/** About how many examples the choice has to learn from. */
export function chosenExamples(data, known) {
  if (data.kind === "version") return known.datasets.find((one) => one.version === data.version)?.train ?? 0;
  return known.status.reviewed ?? 0;
}

export function DataFields({ data, known, onChange }) {
  const version = known.datasets.find((one) => one.version === data.version);
  return html`<fieldset class="stack">
    <legend class="visually-hidden">Data</legend>
    <div class="fields">
      <${Field} label="Data" help=${data.kind === "version" ? "as it was frozen" : "frozen as the next version when the run starts"}>${(own) => html`<select ...${own} value=${data.kind === "version" ? data.version : ""} onChange=${(event) => onChange(picked(event.currentTarget.value))}>
          <option value="">everything reviewed until now</option>
          ${known.datasets.filter((one) => one.train).map((one) => html`<option key=${one.version} value=${one.version}>${one.version} · ${one.train} to learn from</option>`)}
        </select>`}<//>
      ${data.kind === "new" && html`<${FreezeFields} ...${{ data, onChange }} />`}
    </div>
    ${version && html`<${SplitBar} version=${version} />`}
    ${data.kind === "new" && !known.status.reviewed && html`<p class="notice small">Nothing has been reviewed yet: <a href="/review">confirm or correct some samples</a> first.</p>`}
  </fieldset>`;
}

const picked = (value) => (value ? { kind: "version", version: value } : { kind: "new" });

/** Name and shares of a version that is made on the way. */
export function FreezeFields({ data, onChange }) {
  return html`
    <${Field} label="Name of the dataset" help="one name keeps each sample in its part for good">${(own) => html`<input ...${own} value=${data.name} maxlength="64" pattern="[\\w.\\-]+" required onInput=${(event) => onChange({ name: event.currentTarget.value.trim() })} />`}<//>
    <${Field} label="Validation split, %" help="of all samples; tells when to stop">${(own) => html`<input ...${own} type="number" min="0" max="90" step="any" value=${data.validation_share} placeholder="from the settings" onInput=${(event) => onChange({ validation_share: event.currentTarget.value })} />`}<//>
    <${Field} label="Test split, %" help="of those drawn by chance; proves what was gained">${(own) => html`<input ...${own} type="number" min="0" max="95" step="any" value=${data.test_share} placeholder="from the settings" onInput=${(event) => onChange({ test_share: event.currentTarget.value })} />`}<//>
  `;
}

/** "156 reviewed entries ready". */
export function readyWords(status) {
  const ready = status.ready ?? status.reviewed_untrained ?? 0;
  return `${counted(ready, "reviewed entry", "reviewed entries")} ready`;
}
