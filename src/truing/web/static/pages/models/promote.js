// Promoting a model: the gate's reasons first, then the move; by force only with a reason.

import { html, useEffect, useState } from "#/html.js";
import { Field } from "#/components/field.js";
import { Dialog } from "#/components/dialog.js";
import { Problem } from "#/components/states.js";
import { api } from "#/api.js";
import { audienceName } from "#/pages/models/names.js";
import { Working, follow } from "#/components/work.js";
import { Verdict } from "#/pages/models/gate.js";
import { toast } from "#/toast.js";

/** @param {{model: any, datasets: any[], onClose: () => void, onDone: () => void}} props */
export function PromoteDialog({ model, datasets, onClose, onDone }) {
  const [dataset, setDataset] = useState((datasets.find((one) => one.version === model.dataset) ?? datasets[0])?.version ?? "");
  const [reason, setReason] = useState("");
  const { verdict, error, work, busy, judge, promote } = useGate(model, dataset, onDone);
  useEffect(() => void judge(), [dataset]);
  const forced = verdict && !verdict.passed;
  const never = verdict?.reason === "tainted";
  const actions = html`
    <button onClick=${onClose}>Leave it as it is</button>
    ${forced && !never && html`<button class="danger" disabled=${busy || !reason.trim()} onClick=${() => promote(reason.trim())}>Promote all the same</button>`}
    ${!forced && html`<button class="primary" disabled=${busy || !verdict} onClick=${() => promote(null)}>Promote ${model.model}</button>`}`;
  return html`<${Dialog} title="Promote ${model.model}" wide onClose=${onClose} actions=${actions}>
    <p class="quiet">The champion of ${audienceName(model.audience)} answers from the next request on; whoever uses it need not restart.</p>
    ${datasets.length > 0 && html`<${Field} label="Judged on the test rows of">${(own) => html`<select ...${own} value=${dataset} disabled=${busy} onChange=${(event) => setDataset(event.currentTarget.value)}>
        ${!dataset && html`<option value="">choose a dataset</option>`}
        ${datasets.map((one) => html`<option key=${one.version} value=${one.version}>${one.version} · ${one.test} test rows</option>`)}
      </select>`}<//>`}
    ${error && html`<${Problem} error=${error} retry=${judge} />`}
    ${busy && html`<${Working} work=${work} text="Both models read the test rows" />`}
    ${verdict && !busy && html`<${Verdict} verdict=${verdict} />`}
    ${forced && !never && !busy && html`<${Field} label="Promote it all the same, because">${(own) => html`<textarea ...${own} rows="2" maxlength="500" value=${reason} placeholder="It is recorded with the promotion for good." onInput=${(event) => setReason(event.currentTarget.value)}></textarea>`}<//>`}
  <//>`;
}

/** Asks the gate, then for the move; `work` tells how far an evaluation is. */
function useGate(model, dataset, onDone) {
  const [state, setState] = useState({ verdict: null, error: null, work: null, busy: false });
  const ask = async (body, then) => {
    setState({ verdict: null, error: null, work: null, busy: true });
    try {
      const told = await follow(api.post(`/api/models/${model.model}/promote`, { dataset: dataset || null, ...body }), (work) => setState((before) => ({ ...before, work })));
      setState({ verdict: told, error: null, work: null, busy: false });
      then?.(told);
    } catch (error) {
      setState({ verdict: null, error, work: null, busy: false });
    }
  };
  const promoted = (told) => {
    if (!told.promoted) return;
    toast(`${model.model} is the champion of ${audienceName(told.audience)}`, { kind: "good" });
    onDone();
  };
  return { ...state, judge: () => ask({ dry_run: true }), promote: (force) => ask({ force }, promoted) };
}
