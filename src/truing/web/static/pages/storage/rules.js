// Rules by which samples go: written in words, tried without a change, carried out when somebody is sure.

import { html, useEffect, useRef, useState } from "#/html.js";
import { Dialog } from "#/components/dialog.js";
import { Field } from "#/components/field.js";
import { Problem, Waiting, useFetched } from "#/components/states.js";
import { Working, useWork } from "#/components/work.js";
import { address, api } from "#/api.js";
import { bytes, count, counted } from "#/format.js";
import { DEEDS, Plan } from "#/pages/storage/plan.js";
import { Outcome } from "#/pages/storage/use.js";

const IDEAS = ["rejected older than 30 days", "archive reviewed older than 1 year", "skipped larger than 50 MB"];

export function Rules({ joined, operates, onDone }) {
  const rules = useFetched(() => api.get("/api/retention"), []);
  if (rules.error && !rules.data) return html`<${Shape}><${Problem} error=${rules.error} retry=${rules.reload} /><//>`;
  if (!rules.data) return html`<${Shape}><${Waiting} lines=${3} /><//>`;
  return html`<${Shape}><${Known} rules=${rules.data} reload=${rules.reload} ...${{ joined, operates, onDone }} /><//>`;
}

function Shape({ children }) {
  return html`<section class="card stack" id="rules" aria-labelledby="rules-title"><h2 id="rules-title">Rules</h2>${children}</section>`;
}

const linesOf = (text) => text.split(/[\n;]/).map((one) => one.trim()).filter(Boolean);

function Known({ rules, reload, joined, operates, onDone }) {
  const stored = rules.items.map((one) => one.rule);
  const [draft, setDraft] = useState(null);
  const [plan, setPlan] = useState(null);
  const [done, setDone] = useState(null);
  const [sure, setSure] = useState(false);
  const [saved, setSaved] = useState(null);
  const settle = (told) => (told.applied ? (setPlan(null), setDone(told), onDone()) : (setDone(null), setPlan(told)));
  const work = useWork({ joined, onJoined: settle });
  const wanted = draft === null ? stored : linesOf(draft);

  const look = async () => {
    setSaved(null);
    setPlan(null);
    setDone(null);
    const told = await work.run(api.get("/api/retention/plan", draft === null ? { wait: 0.5 } : { rule: wanted, wait: 0.5 }));
    if (told) setPlan(told);
  };
  const apply = async () => {
    setSure(false);
    const told = await work.run(api.post("/api/retention?wait=0.5", { rules: plan.rules.map((one) => one.rule) }));
    if (told) settle(told);
  };
  const save = async () => {
    const told = await work.run(api.put("/api/settings/retention.rules", { value: wanted.join("; ") }));
    if (!told) return;
    setDraft(null);
    setSaved(wanted.length ? `${counted(wanted.length, "rule")} saved.` : "Saved: nothing goes by itself any more.");
    await reload();
  };
  const write = (text) => { setDraft(text); setPlan(null); setDone(null); setSaved(null); };
  const leave = () => { setDraft(null); setPlan(null); work.forget(); };
  return html`
    ${draft !== null
      ? html`<${Editor} draft=${draft} onInput=${(text) => { setDraft(text); setPlan(null); }} />`
      : stored.length
        ? html`<${Listed} rules=${rules} />`
        : html`<${NoRules} operates=${operates} onIdea=${write} />`}
    <div class="row">
      ${(stored.length > 0 || draft !== null) && html`<button class=${plan ? "" : "primary"} disabled=${work.busy || !wanted.length} onClick=${look}>Show what would go now</button>`}
      ${draft === null && stored.length > 0 && operates && html`<button disabled=${work.busy} onClick=${() => write(stored.join("\n"))}>Change the rules</button>`}
      ${draft !== null && html`<button disabled=${work.busy || draft.trim() === stored.join("\n")} onClick=${save}>Save the rules</button>
        <button disabled=${work.busy} onClick=${leave}>${stored.length ? "Leave them as they were" : "Leave it"}</button>`}
    </div>
    ${work.busy && html`<${Working} work=${work.work} text=${work.work?.deed === "retain" ? "Samples looked at" : "Asking"} stoppable=${operates} />`}
    ${work.error && html`<${Problem} error=${work.error} />`}
    ${saved && html`<${Outcome}>${saved}<//>`}
    ${done && html`<${Done} done=${done} />`}
    ${plan && !work.busy && html`<${Plan} plan=${plan} once=${draft !== null}
      action=${operates && plan.samples > 0 && html`<button class="danger" onClick=${() => setSure(true)}>Let ${counted(plan.samples, "sample")} go now…</button>`} />`}
    ${sure && html`<${Sure} plan=${plan} days=${rules.trash_days} onClose=${() => setSure(false)} onApply=${apply} />`}`;
}

function Listed({ rules }) {
  return html`<ul class="storage-rules">${rules.items.map((one) => html`<li key=${one.rule}><code>${one.rule}</code> <span class="chip">${DEEDS[one.deed]}</span></li>`)}</ul>
    <p class="quiet small">Carried out once a day; the first rule that takes a sample has it. What goes into the trash can be taken back for ${counted(rules.trash_days, "day")}.</p>`;
}

function NoRules({ operates, onIdea }) {
  return html`<p>Nothing goes by itself: there are no rules. A rule says in words which samples may go, and is carried out once a day.</p>
    ${operates ? html`<div class="row"><span class="small quiet">Begin with one, and see what it would take:</span>
      ${IDEAS.map((one) => html`<button class="compact" key=${one} onClick=${() => onIdea(one)}>${one}</button>`)}</div>` : null}`;
}

function Editor({ draft, onInput }) {
  const box = useRef(null);
  useEffect(() => box.current?.querySelector("textarea").focus(), []);
  return html`<div class="stack" ref=${box}>
    <${Field} label="Rules, one on each line" help="What becomes of them, which samples, and at least one limit. Nothing goes before you have seen what would.">
      ${(own) => html`<textarea ...${own} rows=${Math.max(3, draft.split("\n").length + 1)} spellcheck="false" value=${draft} onInput=${(event) => onInput(event.currentTarget.value)}></textarea>`}
    <//>
    <details class="small storage-words"><summary>What can be written</summary>
      <dl>
        <div><dt>What becomes of them</dt><dd><code>delete</code> into the trash, which is meant when nothing is said; <code>archive</code>; <code>erase</code> for good</dd></div>
        <div><dt>Which samples</dt><dd><code>rejected</code>, <code>skipped</code>, <code>pending</code>, <code>accepted</code>, <code>corrected</code>, <code>reviewed</code>, <code>undecided</code>, joined by <code>or</code>; <code>of speech</code>; <code>from app</code></dd></div>
        <div><dt>Limits</dt><dd><code>older than 30 days</code>, <code>beyond the newest 5000</code>, <code>beyond 10 GB</code>, <code>larger than 50 MB</code>; with several, only what is beyond all</dd></div>
        <div><dt>At the end</dt><dd><code>even frozen</code>: also what dataset versions hold; <code>even the champion's</code>: also what the model in use learned from</dd></div>
      </dl></details>
  </div>`;
}

/** Names what goes before it goes. */
function Sure({ plan, days, onClose, onApply }) {
  const taking = plan.rules.filter((one) => one.samples);
  const erased = taking.filter((one) => one.deed === "erase").reduce((sum, one) => sum + one.samples, 0);
  return html`<${Dialog} title="Let ${counted(plan.samples, "sample")} go now?" onClose=${onClose}
      actions=${html`<button onClick=${onClose}>Leave them</button><button class="danger" onClick=${onApply}>Let ${counted(plan.samples, "sample")} go</button>`}>
    <ul class="stack">${taking.map((one) => html`<li key=${one.rule}><b>${counted(one.samples, "sample")}</b>, ${bytes(one.bytes)}, ${DEEDS[one.deed]}: <code>${one.rule}</code></li>`)}</ul>
    ${erased > 0 ? html`<p class="bad">${counted(erased, "sample")} cannot be brought back; backups keep them until they make room for newer ones.</p>`
      : html`<p class="quiet">All of it can be taken back: from the trash for ${counted(days, "day")}, from an archive at any time.</p>`}
  <//>`;
}

function Done({ done }) {
  const of = (deed) => done.rules.filter((one) => one.deed === deed).reduce((sum, one) => sum + one.samples, 0);
  const [trashed, archived, erased] = ["delete", "archive", "erase"].map(of);
  const left = done.left ?? [];
  if (!done.samples && !left.length) return html`<${Outcome}>Nothing was beyond its limit any more; nothing went.<//>`;
  return html`<${Outcome}><b>${counted(done.samples, "sample")} went by the rules.</b>
    ${trashed > 0 && html` ${count(trashed)} into the trash: <a href=${address("/samples", { state: "trashed" })}>look at them, or take them back</a>.`}
    ${archived > 0 && html` ${count(archived)} to <a href="#archives">an archive</a>.`}
    ${left.length > 0 && html` ${counted(left.length, "sample")} stayed, because ${left[0].why}: <a href="#media">verify the media</a>.`}
    ${erased > 0 && html` ${count(erased)} erased for good.`}<//>`;
}
