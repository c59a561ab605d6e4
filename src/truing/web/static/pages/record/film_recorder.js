// The recorder of lip-reading: the camera's picture with a guide, and the big button.

import { html, useEffect, useRef, useState } from "#/html.js";
import { Icon } from "#/components/icon.js";
import { Problem } from "#/components/states.js";
import { keysOf, useKeys } from "#/keymap.js";
import { ConsentLine } from "#/pages/record/consent.js";
import { NoCamera, cameraAllowed, film, isDark, openCamera } from "#/pages/record/camera.js";
import { Insecure, Timer } from "#/pages/record/parts.js";

const LONGEST = 60;
/** Seconds: what is shorter holds no sentence. */
const SHORTEST = 1;
const GLANCE_MS = 700;
const OFF = { phase: "off", error: null, began: 0 };
const LOST = new NoCamera("the camera is gone", "plug it in again, then turn it on");

/** Off, opening, ready, recording, reading. @param {{send: (video: Blob) => Promise<any>}} props */
export function FilmRecorder({ send }) {
  const [state, setState] = useState(OFF);
  const camera = useRef(null);
  const recording = useRef(null);
  const gone = useRef(false);
  const close = () => {
    recording.current?.cancel();
    camera.current?.close();
    camera.current = recording.current = null;
  };
  const open = async () => {
    if (camera.current || state.phase === "opening") return;
    setState({ ...OFF, phase: "opening" });
    try {
      const opened = await openCamera({ onLost: () => { close(); setState({ ...OFF, error: LOST }); } });
      // The person may have left meanwhile: then nothing may keep the camera on.
      if (gone.current) return opened.close();
      camera.current = opened;
      setState({ ...OFF, phase: "ready" });
    } catch (error) {
      setState({ ...OFF, error });
    }
  };
  const start = () => {
    try {
      recording.current = film(camera.current.stream);
      setState({ phase: "recording", error: null, began: performance.now() });
    } catch (error) {
      setState({ ...OFF, phase: "ready", error });
    }
  };
  const finish = async (use) => {
    const running = recording.current;
    if (!running) return;
    recording.current = null;
    if (!use) {
      running.cancel();
      return setState({ ...OFF, phase: "ready" });
    }
    const took = (performance.now() - state.began) / 1000;
    setState({ ...OFF, phase: "reading" });
    const settle = (error) => setState({ ...OFF, phase: camera.current ? "ready" : "off", error });
    try {
      const video = await running.stop();
      if (took < SHORTEST) throw new NoCamera("that was too short", `press once to start and once to stop; a recording takes at least ${SHORTEST} s`);
      await send(video);
      settle(null);
    } catch (error) {
      settle(error);
    }
  };
  useEffect(() => () => { gone.current = true; close(); }, []);
  const isOn = state.phase === "recording";
  useEffect(() => {
    if (!isOn) return undefined;
    const timer = setTimeout(() => finish(true), LONGEST * 1000);
    return () => clearTimeout(timer);
  }, [isOn]);
  const busy = ["opening", "reading"].includes(state.phase);
  const toggle = () => (isOn ? finish(true) : camera.current ? start() : open());
  useKeys({ ...(busy ? {} : { "record.toggle": toggle }), ...(isOn ? { "record.cancel": () => finish(false) } : {}) });
  return html`<section class="card recorder film" data-phase=${state.phase} aria-label="Recorder">
    <${View} stream=${camera.current?.stream ?? null} state=${state} />
    <button class="record-button" aria-pressed=${isOn} aria-label=${isOn ? "Stop recording" : camera.current ? "Start recording" : "Turn on the camera"}
        title="Start and stop (${keysOf("record.toggle")})" disabled=${busy || !cameraAllowed()} onClick=${toggle}>
      <${Icon} name=${isOn ? "stop" : "camera"} />
    </button>
    <p class="record-state" role="status"><${Words} state=${state} /></p>
    ${isOn && html`<button class="link" onClick=${() => finish(false)}>Throw it away <kbd aria-hidden="true">Esc</kbd></button>`}
    ${state.phase === "ready" && html`<button class="link" onClick=${() => { close(); setState(OFF); }}>Turn the camera off</button>`}
    ${!cameraAllowed() && html`<${Insecure} device="camera" />`}
    ${state.error && html`<${Problem} error=${state.error} />`}
    <${ConsentLine} />
  </section>`;
}

/** What the camera sees, as in a mirror, with the place for face and mouth. */
function View({ stream, state }) {
  const video = useRef(null);
  const [dark, setDark] = useState(false);
  useEffect(() => {
    video.current.srcObject = stream;
    if (!stream) return setDark(false);
    const timer = setInterval(() => setDark(isDark(video.current)), GLANCE_MS);
    return () => clearInterval(timer);
  }, [stream]);
  return html`<div class="camera-view" data-on=${stream ? "" : undefined}>
    <video ref=${video} muted autoplay playsinline aria-label="What the camera sees"></video>
    ${stream ? html`<span class="camera-guide" aria-hidden="true"><span></span></span>` : html`<p class="camera-off"><${Icon} name="camera" /><span>The camera is off</span></p>`}
    ${state.phase === "recording" && html`<span class="camera-badge number"><span class="camera-dot" aria-hidden="true"></span><${Timer} began=${state.began} /></span>`}
    ${dark && html`<p class="camera-hint small" role="status">It is dark: turn your face to a light.</p>`}
  </div>`;
}

function Words({ state }) {
  if (state.phase === "opening") return "Asking for the camera…";
  if (state.phase === "recording") return "Recording: speak, the sound is not needed";
  if (state.phase === "reading") return "The model is reading your lips…";
  if (state.phase === "off") return "Turn on the camera";
  const keys = keysOf("record.toggle");
  const before = keys && !matchMedia("(pointer: coarse)").matches ? html`Press <kbd>${keys}</kbd>` : "Press the button";
  return html`${before}, keep your mouth in the frame, and speak`;
}
