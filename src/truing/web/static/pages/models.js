// Models: which is in use for whom, what each descends from and measures, and how to change what is in use.

import { html, useCallback, useState } from "#/html.js";
import { Empty, Problem, Waiting, useFetched } from "#/components/states.js";
import { Dialog } from "#/components/dialog.js";
import { Icon } from "#/components/icon.js";
import { ModalitySwitch, useModality } from "#/components/modality.js";
import { ago, percent } from "#/format.js";
import { api } from "#/api.js";
import { Compare } from "#/pages/models/compare.js";
import { Details } from "#/pages/models/details.js";
import { MoveList, reasonOf } from "#/pages/models/moves.js";
import { PromoteDialog } from "#/pages/models/promote.js";
import { titleOf } from "#/pages/models/measures.js";
import { Versions } from "#/pages/models/versions.js";
import { ModelName, audienceName } from "#/pages/models/names.js";
import { about } from "#/shell.js";
import { route } from "#/router.js";
import { toast, toastError } from "#/toast.js";
import { useChanges } from "#/changes.js";

export const title = "Models";

export function Page() {
  const [modality, number] = route.value.rest;
  if (modality === "compare") return html`<${Compare} />`;
  if (modality) return html`<${Details} key=${`${modality}/${number}`} name=${`${modality}/${number}`} />`;
  return html`<${Overview} />`;
}

async function everything(modality) {
  const [models, champions, datasets] = await Promise.all([
    api.get("/api/models", { modality, limit: 200 }),
    api.get("/api/champions", { modality }),
    api.get("/api/datasets", { modality, limit: 100 }),
  ]);
  return { models: models.items, champions: champions.items, datasets: datasets.items.filter((one) => one.test > 0) };
}

function Overview() {
  const modality = useModality();
  const { data, error, reload } = useFetched(() => everything(modality), [modality]);
  const refresh = useCallback(() => reload(), [reload]);
  useChanges("models", refresh);
  const [promoting, setPromoting] = useState(null);
  const may = about.value?.rights?.includes("operate") ?? true;
  return html`
    <header class="page-head"><div><h1>Models</h1><p>Every version is kept; one is in use at a time.</p></div><${ModalitySwitch} value=${modality} /></header>
    ${error && !data && html`<${Problem} error=${error} retry=${reload} />`}
    ${!data && !error && html`<${Waiting} lines=${6} />`}
    ${data && !data.models.length && html`<${Empty} title="No models yet" icon="model">
      <p>Review some samples, then train on them.</p>
      <div class="row"><a class="button primary" href="/train">Train a model</a><a class="button" href="/review">Review samples</a></div>
      <p class="small">Bring in one that you have: <code>truing model import FOLDER</code></p><//>`}
    ${data && data.models.length > 0 && html`<div class="sections">
      <${Champions} champions=${data.champions} may=${may} onDone=${reload} />
      <${AllVersions} key=${modality} models=${data.models} may=${may} onPromote=${setPromoting} />
    </div>`}
    ${promoting && html`<${PromoteDialog} model=${promoting} datasets=${data.datasets} onClose=${() => setPromoting(null)} onDone=${() => { setPromoting(null); reload(); }} />`}`;
}

function AllVersions({ models, may, onPromote }) {
  const [picked, setPicked] = useState([]);
  const [first, second] = picked;
  const pick = (name, on) => setPicked(on ? [...picked.slice(-1), name] : picked.filter((one) => one !== name));
  return html`<section class="stack">
    <div class="row between"><h2>Versions</h2>
      ${second
        ? html`<a class="button compact" href="/models/compare?first=${encodeURIComponent(first)}&second=${encodeURIComponent(second)}">Compare ${first} with ${second}</a>`
        : html`<span class="row"><span class="quiet small">Tick two to compare them</span></span>`}
    </div>
    <${Versions} ...${{ models, picked, may, onPromote }} onPick=${pick} />
  </section>`;
}

/** A card for each audience. */
function Champions({ champions, may, onDone }) {
  if (!champions.length) {
    return html`<section class="card notice-card"><h2>No model is in use yet</h2><p class="quiet">Promote one below: the gate says whether it is proven better than what was there before.</p></section>`;
  }
  return html`<div class="champions">${champions.map((one) => html`<${Champion} key=${one.audience} champion=${one} may=${may} onDone=${onDone} />`)}</div>`;
}

function Champion({ champion, may, onDone }) {
  const [asking, setAsking] = useState(false);
  const [move] = champion.moves;
  const gate = move?.gate ?? {};
  return html`<section class="card champion" aria-label="Champion of ${audienceName(champion.audience)}">
    <div class="figure-label">In use for ${audienceName(champion.audience)}</div>
    <div class="figure-value"><${ModelName} name=${champion.model} /></div>
    ${isNumber(gate.value_after) && html`<p class="number">${titleOf(gate.metric)} ${percent(gate.value_after)}${isNumber(gate.value_before) && html` <span class="quiet">before it ${percent(gate.value_before)}</span>`}</p>`}
    <p class="quiet small">${move && html`${reasonOf(move)} · ${ago(move.at)} · ${move.actor}`}</p>
    <div class="row">
      ${champion.back_to && html`<a class="button compact" href="/models/compare?first=${encodeURIComponent(champion.back_to)}&second=${encodeURIComponent(champion.model)}">Compare with ${champion.back_to}</a>`}
      ${may && (champion.back_to || champion.audience !== "general") && html`<button class="compact" onClick=${() => setAsking(true)}><${Icon} name="undo" /> Roll back…</button>`}
    </div>
    ${champion.moves.length > 1 && html`<details><summary class="small">All moves</summary><${MoveList} moves=${champion.moves} /></details>`}
    ${asking && html`<${RollBack} champion=${champion} onClose=${() => setAsking(false)} onDone=${() => { setAsking(false); onDone(); }} />`}
  </section>`;
}

const isNumber = (value) => typeof value === "number";

function RollBack({ champion, onClose, onDone }) {
  const [busy, setBusy] = useState(false);
  const whose = audienceName(champion.audience);
  const go = async () => {
    setBusy(true);
    try {
      const told = await api.post("/api/models/rollback", { modality: champion.modality, audience: champion.audience });
      toast(told.model ? `${told.model} is in use again for ${whose}` : `${whose} has no model of their own any more`, { kind: "good" });
      onDone();
    } catch (error) {
      toastError(error);
      setBusy(false);
      onClose();
    }
  };
  return html`<${Dialog} title="Roll back" onClose=${onClose} actions=${html`<button onClick=${onClose}>Keep ${champion.model}</button><button class="primary" disabled=${busy} onClick=${go}>Roll back</button>`}>
    <p>${champion.model} stops answering for ${whose}; ${champion.back_to ? html`<b>${champion.back_to}</b>` : "the general model"} takes over from the next utterance on. ${champion.model} is kept.</p>
  <//>`;
}
