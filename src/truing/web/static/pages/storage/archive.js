// Archiving by hand: which samples, what that would be, and only then doing it.

import { html, useState } from "#/html.js";
import { Dialog } from "#/components/dialog.js";
import { Field } from "#/components/field.js";
import { modalityTitle, offered, useModality } from "#/components/modality.js";
import { Problem } from "#/components/states.js";
import { Working, useWork } from "#/components/work.js";
import { address, api } from "#/api.js";
import { bytes, counted } from "#/format.js";
import { Examples } from "#/pages/storage/plan.js";

const STATES = { "": "Whatever was decided", reviewed: "Reviewed: accepted, corrected or rejected", undecided: "Undecided: pending or skipped", rejected: "Rejected" };
const NAMED = { reviewed: ["accepted", "corrected", "rejected"], undecided: ["pending", "skipped"], rejected: ["rejected"] };

/** @param {{onClose: () => void, onArchive: (where: any) => void}} props */
export function ArchiveDialog({ onClose, onArchive }) {
  const [form, setForm] = useState({ until: yearAgo(), state: "", modality: "", source: "" });
  const [plan, setPlan] = useState(null);
  const work = useWork();
  const change = (name) => (event) => { setForm({ ...form, [name]: event.currentTarget.value }); setPlan(null); };
  const where = whereOf(form);
  const look = async () => setPlan(await work.run(api.post("/api/archives", { where, dry_run: true })));
  const modalities = offered(useModality());
  const actions = html`<button onClick=${onClose}>Leave it</button>
    <button class=${plan?.samples ? "" : "primary"} disabled=${work.busy || !Object.keys(where).length} onClick=${look}>Show what would leave</button>
    ${plan?.samples > 0 && html`<button class="primary" onClick=${() => onArchive(where)}>Archive ${counted(plan.samples, "sample")}</button>`}`;
  return html`<${Dialog} title="Archive samples" wide onClose=${onClose} actions=${actions}>
    <div class="fields">
      <${Field} label="Captured before">${(own) => html`<input ...${own} type="date" value=${form.until} onInput=${change("until")} />`}<//>
      <${Field} label="Decision">${(own) => html`<select ...${own} value=${form.state} onChange=${change("state")}>
        ${Object.entries(STATES).map(([name, label]) => html`<option key=${name} value=${name}>${label}</option>`)}</select>`}<//>
      ${modalities.length > 1 && html`<${Field} label="Kind">${(own) => html`<select ...${own} value=${form.modality} onChange=${change("modality")}>
        <option value="">All</option>${modalities.map((one) => html`<option key=${one} value=${one}>${modalityTitle(one)}</option>`)}</select>`}<//>`}
      <${Field} label="Source" help="an app or import; empty: all">${(own) => html`<input ...${own} value=${form.source} maxlength="300" onInput=${change("source")} />`}<//>
    </div>
    ${work.busy && html`<${Working} work=${work.work} text="Looking" />`}
    ${work.error && html`<${Problem} error=${work.error} />`}
    ${plan && html`<${Planned} plan=${plan} where=${where} />`}
  <//>`;
}

function Planned({ plan, where }) {
  if (!plan.samples) return html`<p class="notice" role="status">No sample fits: nothing would leave.</p>`;
  return html`<div class="stack">
    <p role="status"><b>${counted(plan.samples, "sample")} with ${bytes(plan.media_bytes)} of media would leave.</b> Nothing was changed yet. <a href=${address("/samples", where)} target="_blank">See all of them</a></p>
    <${Examples} items=${plan.examples} more=${plan.samples - plan.examples.length} />
    ${plan.versions.length > 0 && html`<p class="small quiet">Some stand in ${plan.versions.join(", ")}: the version stays whole, and keeps the media it needs, which are not freed.</p>`}
  </div>`;
}

function whereOf({ until, state, modality, source }) {
  const given = { until, modality, source: source.trim(), state: NAMED[state] };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value));
}

function yearAgo() {
  const day = new Date();
  day.setFullYear(day.getFullYear() - 1);
  return day.toISOString().slice(0, 10);
}
