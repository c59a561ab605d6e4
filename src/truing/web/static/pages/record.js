// The page "Record": speak, read what the model heard, and say in one key whether it was right.

import { html, useEffect, useRef, useState } from "#/html.js";
import { api, request } from "#/api.js";
import { Icon } from "#/components/icon.js";
import { Empty, Problem, Waiting, useFetched } from "#/components/states.js";
import { seconds } from "#/format.js";
import { addKeys, keysOf, useKeys } from "#/keymap.js";
import { useChanges } from "#/changes.js";
import { about } from "#/shell.js";
import { toast, toastError } from "#/toast.js";
import { ConsentCard, ConsentLine, consent, fetchConsent } from "#/pages/record/consent.js";
import { Heard, Verdict } from "#/pages/record/heard.js";
import { Levels, Meter } from "#/pages/record/meter.js";
import { microphoneAllowed, openMicrophone } from "#/pages/record/microphone.js";
import { Uploads } from "#/pages/record/uploads.js";

export const title = "Record";

const SPEAKER = "truing.speaker";
const LONGEST = 600;
const QUIET = 0.02;
const SHORTEST = 0.2;
const MOST_SHOWN = 30;

addKeys([
  { id: "record.toggle", group: "Record", what: "start and stop recording", keys: ["Space"], where: "page" },
  { id: "record.cancel", group: "Record", what: "throw the recording away", keys: ["Escape"], where: "page" },
]);

export function Page() {
  const live = useFetched(() => Promise.all([api.get("/api/live/status"), fetchConsent()]).then(([told]) => told), []);
  useChanges("models", live.reload);
  useChanges("settings", fetchConsent);
  if (live.error && !live.data) return html`<${Head} /><${Problem} error=${live.error} retry=${live.reload} />`;
  if (!live.data) return html`<${Head} /><${Waiting} />`;
  if (!live.data.champion) return html`<${Head} /><${NoModel} />`;
  return html`<${Head} model=${live.data.champion} corrector=${live.data.corrector} /><${Studio} corrects=${Boolean(live.data.corrector)} />`;
}

function Head({ model, corrector }) {
  return html`<header class="page-head">
    <div><h1>Record</h1><p>Speak, read what your model heard, say whether it was right.</p></div>
    ${model && html`<div class="row">
      <span class="chip accent" title="The model that answers">${model}</span>
      ${corrector && html`<span class="chip warn" title="The text of each utterance is sent to ${corrector}">text goes to ${host(corrector)}</span>`}
    </div>`}
  </header>`;
}

const host = (address) => (URL.canParse(address) ? new URL(address).host : address);

function NoModel() {
  return html`<${Empty} title="There is no model to listen yet" icon="mic">
    <p>Import or train a model first, then promote it: it answers here from then on.</p>
    <p class="row"><a class="button primary" href="/train">Train a model</a><a class="button" href="/models">Models</a></p>
    <p class="small mono">truing model import FOLDER</p>
  <//>`;
}

/** Everything that needs a model: the recorder, what it heard, and files. */
function Studio({ corrects }) {
  const [speaker, setSpeaker] = useState(localStorage.getItem(SPEAKER) ?? "");
  const [heard, setHeard] = useState([]);
  const answered = useRef(null);
  useEffect(() => {
    // A model that is loaded while the person gets ready answers the first word at once.
    api.post("/api/live/warm").catch(() => {});
  }, []);
  const rename = (name) => {
    setSpeaker(name);
    localStorage.setItem(SPEAKER, name);
  };
  const ask = async (sound, name) => {
    // The text is shown at once; a correction comes after it.
    const told = { speaker: speaker.trim() || null, file: name, correct: false };
    const headers = { "content-type": sound.type || "application/octet-stream" };
    return request("POST", "/api/live/transcribe", { params: told, body: sound, headers });
  };
  const send = async (sound, name) => {
    const said = await ask(sound, name);
    answered.current = performance.now();
    const one = { key: `${said.sample ?? "unkept"}-${performance.now()}`, said, url: URL.createObjectURL(sound), sound, state: null, truth: null, revision: null };
    setHeard((before) => kept([one, ...before]));
    if (corrects && said.text) correctLater(one, change);
    return said;
  };
  const change = (key, part) => setHeard((before) => before.map((one) => (one.key === key ? { ...one, ...part } : one)));
  const decide = (one) => (verdict, truth) => save(one, verdict, truth, { change, speaker, since: answered.current });
  const [newest, ...earlier] = heard;
  return html`<div class="sections record">
    <${ConsentCard} />
    <${Recorder} send=${send} />
    ${newest && html`<${Heard} key=${newest.key} one=${newest} onDecide=${mayDecide(newest) ? decide(newest) : null} />`}
    <${Earlier} list=${earlier} />
    <div class="columns">
      <${Uploads} send=${(file) => (microphoneAllowed() ? ask : send)(file, file.name)} capture=${!microphoneAllowed()} />
      <section class="card stack">
        <h2>Who speaks</h2>
        <label class="field"><span>Speaker</span>
          <input value=${speaker} maxlength="200" autocomplete="off" placeholder="nobody in particular" onInput=${(event) => rename(event.target.value)} />
          <span class="help">Speakers may have a model of their own.</span>
        </label>
      </section>
    </div>
  </div>`;
}

async function correctLater(one, change) {
  const { said } = one;
  change(one.key, { said: { ...said, correcting: true } });
  try {
    const form = said.sample ? { sample: said.sample } : { text: said.text };
    change(one.key, { said: { ...said, correction: await api.post("/api/live/correct", form) } });
  } catch (error) {
    change(one.key, { said: { ...said, correction: { text: null, problem: error.message } } });
  }
}

/** The newest ones; the sounds of the others are freed. */
function kept(list) {
  for (const one of list.slice(MOST_SHOWN)) URL.revokeObjectURL(one.url);
  return list.slice(0, MOST_SHOWN);
}

const mayReview = () => about.value?.rights.includes("review") ?? false;
const keepsCorrections = () => consent.value?.asked && consent.value.keeps && consent.value.mode === "corrections";
const mayDecide = (one) => (one.said.sample ? mayReview() : Boolean(keepsCorrections()));

async function save(one, verdict, truth, { change, speaker, since }) {
  change(one.key, { state: verdict, truth: verdict === "corrected" ? truth : null });
  try {
    if (one.said.sample) await review(one, verdict, truth, change, since);
    else if (verdict === "corrected") await keepCorrected(one, truth, speaker);
  } catch (error) {
    change(one.key, { state: null, truth: null });
    toastError(error);
  }
}

async function review(one, verdict, truth, change, since) {
  const took = since === null ? null : Math.round(performance.now() - since) / 1000;
  const form = { verdict, shown_because: "recorded", seconds: took, ...(truth ? { truth } : {}) };
  const { revision } = await api.post(`/api/samples/${one.said.sample}/review`, form);
  change(one.key, { state: revision.verdict, truth: revision.verdict === "corrected" ? revision.truth : null });
  const undo = async () => {
    try {
      await api.post(`/api/revisions/${revision.revision}/undo`);
      change(one.key, { state: null, truth: null });
    } catch (error) {
      toastError(error);
    }
  };
  toast(verdict === "skipped" ? "Left for later" : "Saved", { kind: "good", undo });
}

/** Where only corrections are kept, the sound is handed in with what was really said. */
async function keepCorrected(one, truth, speaker) {
  const form = new FormData();
  form.append("audio", one.sound, "recorded.wav");
  form.append("modality", "speech");
  form.append("raw", one.said.text);
  form.append("model", one.said.model);
  form.append("truth", truth);
  form.append("source", "record");
  if (speaker.trim()) form.append("speaker", speaker.trim());
  await api.post("/api/samples", form);
  toast("Kept with your correction", { kind: "good" });
}

function Earlier({ list }) {
  if (!list.length) return null;
  return html`<section class="card">
    <h2>Before that</h2>
    <ol class="earlier">
      ${list.map(
        (one) => html`<li key=${one.key}>
          <span class="grow">${one.said.text || "nothing was heard"}</span>
          ${one.state ? html`<span><${Verdict} one=${one} /></span>` : html`<span class="chip">${one.said.sample ? "pending" : "not kept"}</span>`}
          ${one.said.sample && html`<a class="small" href="/review/${one.said.sample}">review</a>`}
        </li>`,
      )}
    </ol>
  </section>`;
}

const IDLE = { phase: "idle", error: null, levels: null, began: 0 };

/** The big button: idle, opening, recording, listening. */
function Recorder({ send }) {
  const [state, setState] = useState(IDLE);
  const microphone = useRef(null);
  const taking = useRef(false);
  const start = async () => {
    if (taking.current) return;
    taking.current = true;
    const levels = new Levels();
    setState({ ...IDLE, phase: "opening" });
    try {
      microphone.current = await openMicrophone({ onLevel: (peak, clipped) => levels.add(peak, clipped) });
      setState({ phase: "recording", error: null, levels, began: performance.now() });
    } catch (error) {
      taking.current = false;
      setState({ ...IDLE, error });
    }
  };
  const finish = async (use) => {
    const open = microphone.current;
    if (!open) return;
    microphone.current = null;
    const { levels, began } = state;
    taking.current = false;
    if (!use) {
      open.cancel();
      setState(IDLE);
      return;
    }
    setState({ ...IDLE, phase: "listening" });
    try {
      const sound = await open.stop();
      if (performance.now() - began < SHORTEST * 1000) throw new Error("that was too short: press once to start and once to stop");
      await send(sound);
      setState({ ...IDLE, error: levels.peaks.length && levels.loudest < QUIET ? { message: "that was very quiet", hint: "is the right microphone chosen, and turned up?" } : null });
    } catch (error) {
      setState({ ...IDLE, error });
    }
  };
  useEffect(() => () => microphone.current?.cancel(), []);
  useEffect(() => {
    if (state.phase !== "recording") return undefined;
    const timer = setTimeout(() => finish(true), LONGEST * 1000);
    return () => clearTimeout(timer);
  }, [state.phase]);
  const recording = state.phase === "recording";
  const toggle = () => (recording ? finish(true) : start());
  useKeys({ "record.toggle": toggle, ...(recording ? { "record.cancel": () => finish(false) } : {}) });
  return html`<section class="card recorder" data-phase=${state.phase} aria-label="Recorder">
    <button class="record-button" aria-pressed=${recording} aria-label=${recording ? "Stop recording" : "Start recording"}
        title="Start and stop (${keysOf("record.toggle")})" disabled=${state.phase === "opening" || state.phase === "listening" || !microphoneAllowed()} onClick=${toggle}>
      <${Icon} name=${recording ? "stop" : "mic"} />
    </button>
    <p class="record-state" role="status"><${Words} state=${state} /></p>
    ${recording && html`<${Meter} levels=${state.levels} />`}
    ${recording && html`<button class="link" onClick=${() => finish(false)}>Throw it away <kbd aria-hidden="true">Esc</kbd></button>`}
    ${!microphoneAllowed() && html`<${Insecure} />`}
    ${state.error && html`<${Problem} error=${state.error} />`}
    <${ConsentLine} />
  </section>`;
}

function Words({ state }) {
  if (state.phase === "opening") return "Asking for the microphone…";
  if (state.phase === "recording") return html`Recording <${Timer} began=${state.began} />`;
  if (state.phase === "listening") return "The model is listening…";
  const keys = keysOf("record.toggle");
  return keys && !matchMedia("(pointer: coarse)").matches ? html`Press <kbd>${keys}</kbd> and speak` : "Press the button and speak";
}

function Timer({ began }) {
  const [now, setNow] = useState(began);
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 100);
    return () => clearInterval(timer);
  }, []);
  return html`<span class="number" aria-hidden="true">${seconds(Math.max(0, now - began) / 1000)}</span>`;
}

function Insecure() {
  return html`<div class="notice">
    <strong>The microphone works on this machine and over https only.</strong>
    <p>This page came over plain http from another machine, so the browser keeps the microphone away. Record with the device's own recorder below, or open the page as <code>http://127.0.0.1</code> on the server's machine.</p>
  </div>`;
}
