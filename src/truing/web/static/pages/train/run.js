// One run: how far it is, its charts, what can be done with it, and what it made.

import { html, useState } from "#/html.js";
import { choose } from "#/components/modality.js";
import { Icon } from "#/components/icon.js";
import { Problem, Waiting } from "#/components/states.js";
import { ago, counted, instant, percent, seconds } from "#/format.js";
import { api } from "#/api.js";
import { figure } from "#/components/chart.js";
import { Curves, named } from "#/pages/train/curves.js";
import { Log } from "#/pages/train/log.js";
import { Pictures } from "#/pages/train/pictures.js";
import { StateChip, ended, wished } from "#/pages/train/state.js";
import { Verdict } from "#/pages/models/gate.js";
import { useRun } from "#/pages/train/live.js";
import { DatasetName, ModelName } from "#/pages/models/names.js";
import { addKeys, keysOf, useKeys } from "#/keymap.js";
import { about } from "#/shell.js";
import { toastError } from "#/toast.js";

addKeys([{ id: "run.pause", group: "Train", what: "pause the run, or let it go on", keys: ["p"], where: "page" }]);

/** A run by its number; `whole` adds its log and its options. */
export function RunView({ id, whole = false }) {
  const { run, points, error, turn, set } = useRun(id);
  if (!run && error) return html`${whole && html`<header class="page-head"><div><h1>Run ${id}</h1><p><a href="/train">All runs</a></p></div></header>`}<${Problem} error=${error} />`;
  if (!run) return html`<${Waiting} lines=${6} />`;
  return html`${whole && html`<${Title} run=${run} set=${set} />`}
  <div class="sections">
    <section class="card run" aria-label="Run ${run.run}">
      ${!whole && html`<header class="row between">
        <div class="row"><h2><a href="/train/${run.run}">Run ${run.run}</a></h2><${StateChip} run=${run} /><${About} run=${run} /></div>
        <${Controls} run=${run} set=${set} />
      </header>`}
      ${error && html`<p class="warn small" role="status">The server does not answer; what is shown may be old. The run goes on without it.</p>`}
      <${Pace} run=${run} points=${points} turn=${turn} />
      ${run.error && html`<p class="problem" role="alert"><strong>${run.error}</strong></p>`}
      <${Curves} points=${points} turn=${turn} over=${ended(run)} />
    </section>
    <${Pictures} run=${run} />
    ${run.state === "done" && html`<${Outcome} run=${run} />`}
    ${whole && html`<${Log} run=${run} /><${Request} run=${run} />`}
  </div>`;
}

function Title({ run, set }) {
  return html`<header class="page-head">
    <div><div class="row"><h1>Run ${run.run}</h1><${StateChip} run=${run} /></div><p><a href="/train">All runs</a> · <${About} run=${run} /></p></div>
    <${Controls} run=${run} set=${set} />
  </header>`;
}

/** Which recipe on which data, and from what. */
function About({ run }) {
  const { recipe, dataset, base } = run.request;
  return html`<span class="quiet small">${recipe} on <${DatasetName} name=${dataset} />${base && html`, from <${ModelName} name=${base} />`}</span>`;
}

/** Pause, resume, stop: what the present state lets a person ask for. */
function Controls({ run, set }) {
  const [busy, setBusy] = useState(false);
  const may = about.value?.rights?.includes("operate") ?? true;
  const ask = async (wish) => {
    setBusy(true);
    try {
      set(await api.post(`/api/runs/${run.run}/${wish}`));
    } catch (error) {
      toastError(error);
    }
    setBusy(false);
  };
  const toggle = run.state === "paused" || run.want === "pause" ? "resume" : "pause";
  useKeys(may && !ended(run) ? { "run.pause": () => !busy && ask(toggle) } : {});
  if (!may) return null;
  if (ended(run)) return html`<a class="button" href="/train?like=${run.run}" onClick=${() => choose(run.request.modality)} title="Fills the form with what this run was asked for"><${Icon} name="redo" /> Use these settings again</a>`;
  const off = busy || Boolean(wished(run));
  return html`<div class="row">
    ${run.state !== "paused" && html`<button disabled=${off} title="Saves its work and waits (${keysOf("run.pause")})" onClick=${() => ask("pause")}><${Icon} name="pause" /> Pause</button>`}
    ${(run.state === "paused" || run.want === "pause") && html`<button class="primary" disabled=${busy} title="Goes on from its last checkpoint (${keysOf("run.pause")})" onClick=${() => ask("resume")}><${Icon} name="play" /> Resume</button>`}
    <button class="danger" disabled=${busy || run.want === "stop"} title="Saves its work and ends" onClick=${() => ask("stop")}><${Icon} name="stop" /> Stop</button>
  </div>`;
}

/** Progress in words: percent, epoch, step, speed, what is left. */
function Pace({ run, points }) {
  const total = run.total_steps;
  const done = total ? Math.min(1, run.step / total) : null;
  const shown = run.state === "done" ? 1 : done;
  const label = waitingWords(run) ?? [
    shown === null ? "preparing" : percent(shown, 0),
    total ? `step ${run.step.toLocaleString()} of ${total.toLocaleString()}` : null,
    epochWords(run),
    run.state === "running" && run.steps_per_second ? `${figure(run.steps_per_second)} steps/s` : null,
    run.state === "running" && run.remaining !== null && run.remaining !== undefined ? `about ${seconds(run.remaining)} left` : null,
    run.started_at ? tookWords(run) : `asked for ${ago(run.created_at)}`,
  ].filter(Boolean).join(" · ");
  const known = ["train_loss", "validation_loss", "validation_wer", "learning_rate"].filter((name) => points.last(name) !== null);
  return html`<div class="progress run-pace">
    <progress max="1" value=${shown ?? (ended(run) ? 0 : undefined)} aria-label="Progress of run ${run.run}"></progress>
    <span class="progress-label number" aria-live=${ended(run) ? "polite" : "off"}>${label}</span>
    <span class="visually-hidden" role="status">Run ${run.run} is ${wished(run) ?? run.state}${known.length ? "" : ", no figures yet"}</span>
  </div>`;
}

function waitingWords(run) {
  if (run.state === "queued") return run.waiting ? "waits: another run has the device" : "starting…";
  if (run.state === "lost") return "its process is gone; it goes on from its last checkpoint by itself";
  return null;
}

function epochWords(run) {
  const epochs = Number(run.request.options?.epochs ?? 0);
  if (!epochs || !run.total_steps || run.request.options?.max_steps) return null;
  return `epoch ${Math.min(epochs, Math.floor((run.step / run.total_steps) * epochs) + (run.step < run.total_steps ? 1 : 0))} of ${epochs}`;
}

function tookWords(run) {
  const end = run.ended_at ? new Date(run.ended_at) : new Date();
  const passed = seconds((end - new Date(run.started_at)) / 1000);
  return run.ended_at ? `took ${passed}, ended ${instant(run.ended_at)}` : `began ${ago(run.started_at)}`;
}

/** What a finished run made. */
function Outcome({ run }) {
  const figures = Object.entries(run.figures ?? {}).filter(([, value]) => typeof value === "number");
  return html`<section class="card stack" aria-label="What it made">
    <header class="row between">
      <h2>Made ${run.model ? html`<a href="/models/${run.model}">${run.model}</a>` : "no model"}</h2>
      ${run.model && html`<a class="button" href="/models/${run.model}"><${Icon} name="model" /> Look at the model</a>`}
    </header>
    <dl class="facts">
      ${figures.map(([name, value]) => html`<div key=${name}><dt>${named(name)}</dt><dd class="number">${told(name, value)}</dd></div>`)}
    </dl>
    ${(run.notes ?? []).map((note) => html`<p class="small quiet" key=${note}>${note}</p>`)}
    ${run.verdict && html`<h3>The gate says</h3><${Verdict} verdict=${run.verdict} />`}
    ${run.published && html`<p class="small">Published in <code>${run.published}</code>.</p>`}
  </section>`;
}

/** A figure in its unit, by what its name says. */
export function told(name, value) {
  if (/wer$|cer$|share|accuracy/.test(name)) return percent(value);
  if (/seconds$/.test(name)) return seconds(value);
  return figure(value);
}

/** Everything that was decided when the run was asked for. */
function Request({ run }) {
  const { options, ...rest } = run.request;
  const facts = Object.entries(rest).filter(([, value]) => value !== null && typeof value !== "object");
  return html`<details class="card">
    <summary><h2>What was asked for</h2> <span class="quiet small">${counted(Object.keys(options ?? {}).length, "option")}</span></summary>
    <dl class="facts">
      ${[...facts, ...Object.entries(options ?? {})].map(([name, value]) => html`<div key=${name}><dt>${named(name)}</dt><dd class="mono small">${String(value) || "–"}</dd></div>`)}
    </dl>
  </details>`;
}
