// The page "Record": speak, read what the model made of it, and say in one key whether it was right.

import { html, useEffect, useRef, useState } from "#/html.js";
import { address, api, ApiError, request } from "#/api.js";
import { Icon } from "#/components/icon.js";
import { choose, ModalitySwitch, useModality } from "#/components/modality.js";
import { Empty, Problem, Waiting, useFetched } from "#/components/states.js";
import { addKeys, keysOf, useKeys } from "#/keymap.js";
import { useChanges } from "#/changes.js";
import { about } from "#/shell.js";
import { toast, toastError } from "#/toast.js";
import { ConsentCard, ConsentLine, consent, consenting, fetchConsent, mayKeep } from "#/pages/record/consent.js";
import { cameraAllowed } from "#/pages/record/camera.js";
import { FilmRecorder } from "#/pages/record/film_recorder.js";
import { Heard, Verdict } from "#/pages/record/heard.js";
import { Levels, Meter } from "#/pages/record/meter.js";
import { microphoneAllowed, openMicrophone } from "#/pages/record/microphone.js";
import { Pairs } from "#/pages/record/pairs.js";
import { Insecure, Timer } from "#/pages/record/parts.js";
import { Uploads } from "#/pages/record/uploads.js";
import { WAYS } from "#/pages/record/ways.js";

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

const DEVICES = Object.fromEntries(Object.values(WAYS).map((way) => [way.modality, way.device]));

export function Page() {
  const usual = useModality();
  const [picked, setPicked] = useState(null);
  const way = WAYS[picked ?? usual] ?? WAYS.speech;
  const pick = (name) => {
    setPicked(name);
    choose(name);
  };
  const live = useFetched(() => Promise.all([standing(way), fetchConsent()]).then(([told]) => told), [way]);
  useChanges("models", live.reload);
  useChanges("settings", fetchConsent);
  const told = live.data?.modality === way.modality ? live.data : null;
  const head = html`<${Head} way=${way} told=${told} onPick=${pick} />`;
  if (live.error && !told) return html`${head}<${Problem} error=${live.error} retry=${live.reload} />`;
  if (!told) return html`${head}<${Waiting} />`;
  if (way.role === "pair") return html`${head}<${Pairs} way=${way} />`;
  if (!told.champion && !way.teaches) return html`${head}<${NoModel} way=${way} />`;
  return html`${head}<${Studio} key=${way.modality} way=${way} model=${told.champion} corrects=${Boolean(told.corrector)} />`;
}

/** What the server says of the model; nobody listens to pictures. */
const standing = (way) => (way.role === "pair" ? Promise.resolve({ modality: way.modality }) : api.get("/api/live/status", { modality: way.modality }));

function Head({ way, told, onPick }) {
  return html`<header class="page-head">
    <div><h1>${way.title ?? "Record"}</h1><p>${way.lead}</p></div>
    <div class="row">
      ${told?.champion && html`<span class="chip accent" title="The model that answers">${told.champion}</span>`}
      ${told?.champion && told.corrector && html`<span class="chip warn" title="The text of each utterance is sent to ${told.corrector}">text goes to ${host(told.corrector)}</span>`}
      <${ModalitySwitch} value=${way.modality} options=${Object.keys(WAYS)} titles=${DEVICES} onChange=${onPick} />
    </div>
  </header>`;
}

const host = (address) => (URL.canParse(address) ? new URL(address).host : address);

function NoModel({ way }) {
  const [title, command] = way.model;
  return html`<${Empty} title=${title} icon=${way.icon}>
    <p>Import or train a model first, then promote it: it answers here from then on.</p>
    <p class="row"><a class="button primary" href="/train">Train a model</a><a class="button" href="/models">Models</a></p>
    <p class="small mono">${command}</p>
  <//>`;
}

/** The recorder, what the model made of it, and files. Without a model the person says what it was. */
function Studio({ way, model, corrects }) {
  const [speaker, setSpeaker] = useState(localStorage.getItem(SPEAKER) ?? "");
  const [heard, setHeard] = useState([]);
  const answered = useRef(null);
  const seen = way.role === "video";
  useEffect(() => {
    // A model that is loaded while the person gets ready answers the first word at once.
    if (model) request("POST", "/api/live/warm", { params: { modality: way.modality } }).catch(() => {});
  }, [model]);
  const rename = (name) => {
    setSpeaker(name);
    localStorage.setItem(SPEAKER, name);
  };
  const ask = async (sound, name) => {
    if (!model && !mayKeep()) throw new ApiError(403, UNASKED);
    if (!model) return unread(await keep(way, sound, { speaker, context: name && JSON.stringify({ file: name }) }));
    // The text is shown at once; a correction comes after it.
    const told = { speaker: speaker.trim() || null, file: name, correct: false, modality: way.modality, ...consenting() };
    const headers = { "content-type": sound.type || "application/octet-stream" };
    return request("POST", "/api/live/transcribe", { params: told, body: sound, headers });
  };
  const send = async (sound, name) => {
    const said = await ask(sound, name);
    answered.current = performance.now();
    const one = { key: `${said.sample ?? "unkept"}-${performance.now()}`, way, said, url: URL.createObjectURL(sound), sound, state: null, truth: null, revision: null };
    setHeard((before) => kept([one, ...before]));
    if (corrects && said.text) correctLater(one, change);
    if (seen && said.sample) lookLater(one, change);
    return said;
  };
  const change = (key, part) => setHeard((before) => before.map((one) => (one.key === key ? { ...one, ...part } : one)));
  const decide = (one) => (verdict, truth) => save(one, verdict, truth, { change, speaker, since: answered.current });
  const [newest, ...earlier] = heard;
  const allowed = seen ? cameraAllowed() : microphoneAllowed();
  return html`<div class="sections record">
    <${ConsentCard} />
    ${!model && html`<${Teaching} way=${way} />`}
    ${seen ? html`<${FilmRecorder} send=${send} />` : html`<${Recorder} send=${send} />`}
    ${newest && html`<${Heard} key=${newest.key} one=${newest} words=${way.heard} onDecide=${mayDecide(newest) ? decide(newest) : null} />`}
    <${Earlier} list=${earlier} />
    <div class="columns">
      <${Uploads} send=${(file) => (allowed ? ask : send)(file, file.name)} capture=${!allowed} words=${way.uploads} icon=${way.icon} />
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

function Teaching({ way }) {
  const [title, command] = way.model;
  return html`<section class="notice">
    <strong>${title}.</strong>
    <p>What you record is kept, and you type what you said. <a href=${address("/train", { modality: way.modality })}>Train a model</a> once there are some dozens, or bring one in:</p>
    <p class="small mono">${command}</p>
  </section>`;
}

/** What stands for an answer while there is no model. */
function unread({ id, new: fresh = false, why = null }) {
  return { text: "", words: [], alternatives: [], confidence: null, duration: null, seconds: null, model: null, correction: null, sample: id ?? null, new: fresh, not_kept: why };
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

/** What the checks say of the picture, for whoever can still record it again. */
async function lookLater(one, change) {
  try {
    const { findings } = await api.get(`/api/samples/${one.said.sample}`);
    change(one.key, { findings });
  } catch {
    // They stand beside the sample in Review as well.
  }
}

/** The newest ones; the sounds of the others are freed. */
function kept(list) {
  for (const one of list.slice(MOST_SHOWN)) URL.revokeObjectURL(one.url);
  return list.slice(0, MOST_SHOWN);
}

const UNASKED = { code: "consent", message: "nothing is kept, and there is no model to read it", hint: "say that what you record may be kept, then record again" };
const mayReview = () => about.value?.rights.includes("review") ?? false;
const keepsCorrections = () => mayKeep() && consent.value.mode === "corrections";
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
  toast(one.way.told[verdict] ?? "Saved", { kind: "good", undo });
}

/** Where only corrections are kept, the recording is handed in with what was really said. */
async function keepCorrected(one, truth, speaker) {
  await keep(one.way, one.sound, { raw: one.said.text, model: one.said.model, truth, speaker });
  toast(one.way.told.kept, { kind: "good" });
}

/** Hands in a recording; nothing is sent for what is null or empty, but an empty text. */
function keep(way, recorded, { speaker, ...fields }) {
  const form = new FormData();
  form.append(way.role, recorded, way.file);
  const told = { modality: way.modality, source: "record", speaker: speaker.trim() || null, ...fields, ...consenting() };
  for (const [name, value] of Object.entries(told)) {
    if (value !== null && value !== undefined) form.append(name, value);
  }
  return api.post("/api/samples", form);
}

function Earlier({ list }) {
  if (!list.length) return null;
  return html`<section class="card">
    <h2>Before that</h2>
    <ol class="earlier">
      ${list.map(
        (one) => html`<li key=${one.key}>
          <span class="grow">${one.said.text || (one.truth ? "" : one.way.uploads.nothing)}</span>
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
    ${!microphoneAllowed() && html`<${Insecure} device="microphone" />`}
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
