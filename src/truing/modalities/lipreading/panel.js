// How lip-reading is shown in the pages: the video by its frames, the mouth close up, words in time.

import { html, signal, useEffect, useLayoutEffect, useMemo, useRef, useState } from "#/html.js";
import { factRows } from "#/components/facts.js";
import { FramePlayer } from "#/components/frames.js";
import { Icon } from "#/components/icon.js";
import { onceSeen } from "#/components/seen.js";
import { lengthHint, playActs, playRows, Speed, toggleLoop, Volume } from "#/components/spoken.js";
import { decodePeaks, Waveform } from "#/components/waveform.js";
import { address, api, ApiError, blobAt } from "#/api.js";
import { bytes, counted, percent, seconds } from "#/format.js";
import { keysOf, useKeys } from "#/keymap.js";

const BACK_SECONDS = 1;
const MOUTH = "truing.lips.mouth";
/** Seconds: the server makes no proxy of more, and looks at no more. */
const LONGEST = 120;
const DOUBT_AT = 0.6;
const PLAYABLE = ["video/mp4", "video/webm"];
const HOVER_MS = 150;

const keys = [
  ...playRows("Watching", "play the last seconds again"),
  { id: "frame.back", group: "Watching", what: "one frame back", keys: [","], where: "page" },
  { id: "frame.on", group: "Watching", what: "one frame on", keys: ["."], where: "page" },
  { id: "frame.back-editor", group: "Watching", what: "one frame back, while typing too", keys: ["Alt+,"], where: "both" },
  { id: "frame.on-editor", group: "Watching", what: "one frame on, while typing too", keys: ["Alt+."], where: "both" },
  { id: "lips.mouth", group: "Watching", what: "the mouth close up, on or off", keys: ["z"], where: "page" },
];

const closeUp = signal(localStorage.getItem(MOUTH) !== "0");

function toggleMouth() {
  closeUp.value = !closeUp.value;
  localStorage.setItem(MOUTH, closeUp.value ? "1" : "0");
}

const videoOf = (sample) => sample.media?.find((medium) => medium.role === "video");
/** In the address, so that no cache takes another workspace's video for this one. */
const digestOf = (sample) => sample.media?.map((medium) => medium.digest.slice(7, 23)).join("-");
const mediaOf = (sample, params = {}) => address(`/api/samples/${sample.id}/media/video`, { of: digestOf(sample), ...params });
const previewOf = (sample, params, options) => api.get(`/api/samples/${sample.id}/preview`, { of: digestOf(sample), ...params }, options);

/** What is drawn of a sample, and its video whole, so that every frame is there at once. */
async function load(sample, { signal: stop } = {}) {
  const medium = videoOf(sample);
  if (!medium) throw new ApiError(404, { code: "no_video", message: `sample ${sample.id} has no video`, hint: null });
  const long = sample.duration > LONGEST;
  if (long && !PLAYABLE.includes(medium.media_type)) {
    throw new ApiError(400, { code: "too_long", message: `${seconds(sample.duration)} of video are too long to be shown here`, hint: "download it to watch it elsewhere" });
  }
  const [preview, film] = await Promise.all([previewOf(sample, {}, { signal: stop }), long ? null : fetched(sample, stop)]);
  const { times, duration } = extended(preview, sample);
  const shape = { peaks: mirrored(decodePeaks(preview.movement)), duration, clipped: [] };
  return { film, url: film ? URL.createObjectURL(film) : mediaOf(sample), preview, times, shape };
}

const fetched = (sample, stop) => blobAt(mediaOf(sample, { format: "mp4" }), { signal: stop, missing: `the video of sample ${sample.id} is not there` });

/** A long video is looked at in its first minutes only: the rest is taken to go on evenly. */
function extended({ times, duration, whole }, sample) {
  if (whole || !(sample.duration > duration)) return { times, duration };
  const step = duration / times.length;
  const rest = Math.floor((sample.duration - duration) / step);
  return { times: [...times, ...Array.from({ length: rest }, (_, at) => duration + at * step)], duration: sample.duration };
}

/** One byte for each frame as a shape about the middle, the way sound is drawn. */
function mirrored(movement) {
  const pairs = new Int8Array(movement.length * 2);
  for (const [at, value] of movement.entries()) {
    const height = Math.max(1, (value & 255) >> 1);
    pairs[2 * at] = -height;
    pairs[2 * at + 1] = height;
  }
  return pairs;
}

function release(asset) {
  if (asset.film) URL.revokeObjectURL(asset.url);
}

const still = (encoded) => `data:image/jpeg;base64,${encoded}`;
const restful = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function Player({ sample, asset, autoplay = false, onProblem }) {
  const film = useMemo(() => new FramePlayer(), []);
  const words = useMemo(() => lanesOf(sample, asset), [sample, asset]);
  useLayoutEffect(() => {
    if (!asset) return film.clear();
    film.show(asset.url, asset.times, asset.shape.duration);
    film.element.muted = !asset.preview.sound;
    // Where motion is unwelcome nothing moves unasked.
    if (autoplay && !restful()) void film.play(0);
  }, [asset]);
  useEffect(() => () => film.clear(), []);
  useEffect(() => {
    if (film.broken.value) onProblem?.({ message: "this browser cannot play the video", hint: "download it to watch it elsewhere" });
  }, [film.broken.value]);
  usePlayerKeys(film, asset);
  return html`<div class="lips" data-playable=${asset && film.ready.value ? sample.id : undefined}>
    <div class="lips-top">
      <${Stage} film=${film} asset=${asset} sample=${sample} />
      <${Controls} film=${film} sample=${sample} asset=${asset} />
    </div>
    <div class="lips-time">
      <div class="lips-strip" aria-hidden="true">
        ${(asset?.preview.stills ?? Array(12).fill(null)).map((one, at) => (one ? html`<img key=${at} src=${still(one)} alt="" />` : html`<span key=${at}></span>`))}
      </div>
      <${Waveform} name=${sample.id} shape=${asset?.shape ?? null} marks=${words.marks} clock=${film}
        region=${film.region.value} onRegion=${(region) => film.loop(region)} />
      ${words.lanes.map((lane) => html`<${Lane} key=${lane.title} film=${film} lane=${lane} duration=${asset?.shape.duration ?? 0} />`)}
    </div>
    ${words.untimed.length > 0 && html`<p class="lips-untimed small quiet">The model told no times: <span>${words.untimed.join(" ")}</span></p>`}
  </div>`;
}

function usePlayerKeys(film, asset) {
  const step = (by) => () => film.step(by);
  useKeys(
    asset
      ? {
          ...playActs(film, { duration: asset.shape.duration, back: BACK_SECONDS }),
          "frame.back": step(-1),
          "frame.on": step(1),
          "frame.back-editor": step(-1),
          "frame.on-editor": step(1),
          ...(asset.preview.mouth ? { "lips.mouth": toggleMouth } : {}),
        }
      : {},
  );
}

/** The picture, and the mouth beside it. */
function Stage({ film, asset, sample }) {
  const box = useRef(null);
  const shown = asset?.preview;
  const ratio = shown ? shown.width / shown.height : 5 / 4;
  useLayoutEffect(() => {
    box.current.prepend(film.element);
  }, []);
  useLayoutEffect(() => {
    film.element.setAttribute("aria-label", `Video of sample ${sample.id}`);
    Object.assign(film.element.style, { aspectRatio: String(ratio), flexGrow: String(ratio) });
    return film.onTick((_, index) => (box.current.dataset.frame = String(index)));
  }, [asset, ratio]);
  const zoomed = closeUp.value && shown?.mouth;
  return html`<div class="lips-stage" ref=${box} data-zoomed=${zoomed ? "" : undefined} style=${{ "--ratio": ratio + (zoomed ? 1 : 0) }} onClick=${(event) => event.target === film.element && film.toggle()}>
    ${zoomed && html`<${CloseUp} film=${film} preview=${shown} />`}
    ${film.refused.value && html`<p class="lips-notice small" role="status">Press play to watch it.</p>`}
  </div>`;
}

/** The mouth, cut out of the frame that is seen. */
function CloseUp({ film, preview }) {
  const canvas = useRef(null);
  useLayoutEffect(() => {
    const { mouth, width } = preview;
    const context = canvas.current.getContext("2d");
    const draw = (_, index) => {
      const { videoWidth } = film.element;
      if (!videoWidth || index >= mouth.x.length) return;
      const scale = videoWidth / width;
      const side = mouth.side * scale;
      const [left, top] = [mouth.x[index] * scale - side / 2, mouth.y[index] * scale - side / 2];
      context.drawImage(film.element, left, top, side, side, 0, 0, canvas.current.width, canvas.current.height);
      canvas.current.dataset.frame = String(index);
    };
    draw(0, film.index);
    return film.onTick(draw);
  }, [preview]);
  return html`<canvas ref=${canvas} class="lips-mouth" width="320" height="320" role="img" aria-label="The mouth, close up"></canvas>`;
}

function Controls({ film, sample, asset }) {
  const playing = film.playing.value;
  const mouth = asset?.preview.mouth;
  return html`<div class="lips-controls">
    <span class="lips-steps">
      <button class="icon" aria-label="One frame back" disabled=${!asset} title="One frame back (${keysOf("frame.back")})" onClick=${() => film.step(-1)}><${Icon} name="frame-back" /></button>
      <button class="lips-play" aria-label=${playing ? "Pause" : "Play"} disabled=${!asset} title="Play or pause (${keysOf("play")})"
        onClick=${() => film.toggle()}><${Icon} name=${playing ? "pause" : "play"} /></button>
      <button class="icon" aria-label="One frame on" disabled=${!asset} title="One frame on (${keysOf("frame.on")})" onClick=${() => film.step(1)}><${Icon} name="frame-on" /></button>
    </span>
    <${Clock} film=${film} asset=${asset} />
    <span class="lips-steps"><button class="icon" aria-label="Loop" aria-pressed=${film.region.value ? "true" : "false"} disabled=${!asset}
      title="Loop; drag below to choose what (${keysOf("play.loop")})" onClick=${() => toggleLoop(film, film.duration)}><${Icon} name="loop" /></button>
    <button class="icon" aria-label="The mouth close up" aria-pressed=${closeUp.value && mouth ? "true" : "false"} disabled=${!mouth}
      title=${asset && !mouth ? "It shows the mouth alone, or no face was found" : `The mouth close up (${keysOf("lips.mouth")})`} onClick=${toggleMouth}><${Icon} name="mouth" /></button>
      <a class="button icon" aria-label="Download the video" title="Download the video" download href=${mediaOf(sample, { download: 1 })}><${Icon} name="download" /></a></span>
    <${Speed} player=${film} />
    ${asset?.preview.sound
      ? html`<${Volume} player=${film} />`
      : asset && html`<span class="chip" title="The video has no sound">silent</span>`}
  </div>`;
}

/** Which frame is seen and when it begins, written without rendering the page anew. */
function Clock({ film, asset }) {
  const frame = useRef(null);
  const place = useRef(null);
  useLayoutEffect(() => {
    const tick = (_, index) => {
      frame.current.textContent = asset ? String(index + 1) : "–";
      place.current.textContent = (film.times[index] ?? 0).toFixed(2);
    };
    tick(0, film.index);
    return film.onTick(tick);
  }, [asset]);
  return html`<span class="lips-clock number" title="Frame and time"><span>frame <b ref=${frame}>–</b> / ${asset ? asset.times.length : "–"}</span><span class="quiet"><span ref=${place}>0.00</span> / ${asset ? asset.shape.duration.toFixed(2) : "–"} s</span></span>`;
}

const saidBy = (sample) => sample.predictions?.find((said) => said.kind === "recognizer")?.words ?? [];
const isTimed = (word) => word.start !== null && word.end !== null;

/** The words of the alignment and of the model, in lanes of their own; and those without times. */
function lanesOf(sample, asset) {
  const aligned = asset?.preview.words ?? [];
  const read = saidBy(sample);
  const lanes = [
    { title: "Aligned", words: aligned },
    { title: "Read", words: read.filter(isTimed) },
  ].filter((lane) => lane.words.length);
  return { lanes, untimed: read.filter((word) => !isTimed(word)).map((word) => word.text), marks: (lanes[0]?.words ?? []).map((word) => word.start) };
}

/** Words where they are said; each plays when it is clicked. */
function Lane({ film, lane, duration }) {
  const box = useRef(null);
  useLayoutEffect(() => {
    const shown = [...box.current.querySelectorAll("[data-word]")];
    return film.onTick((time) => {
      for (const [at, word] of lane.words.entries()) {
        const now = time >= word.start && time < word.end;
        if (shown[at].classList.contains("speaking") !== now) shown[at].classList.toggle("speaking", now);
      }
    });
  }, [lane, duration]);
  const share = (time) => `${duration ? (100 * Math.min(time, duration)) / duration : 0}%`;
  return html`<div class="lips-lane" ref=${box} role="group" aria-label="${lane.title} words">
    <span class="lips-lane-title" aria-hidden="true">${lane.title}</span>
    ${lane.words.map((word, at) => html`<button key=${at} data-word data-doubt=${doubtIn(word)} aria-label="${word.text}${sureOf(word)}"
      title="${word.text}, ${word.start.toFixed(2)} to ${word.end.toFixed(2)} s${sureOf(word)}" style=${{ left: share(word.start), width: share(word.end - word.start) }}
      onClick=${() => film.play(word.start, word.end)}><span>${word.text}</span></button>`)}
  </div>`;
}

const isKnown = (sure) => sure !== null && sure !== undefined;
const sureOf = (word) => (isKnown(word.confidence) ? `, ${percent(word.confidence, 0)} sure` : "");
const doubtIn = ({ confidence: sure }) => (!isKnown(sure) || sure >= DOUBT_AT ? undefined : sure < DOUBT_AT / 2 ? "much" : "some");

/** What is odd about the video, as chips for a heading. */
function Badges({ sample, asset }) {
  const facts = videoOf(sample)?.facts ?? {};
  const damaged = countOf(facts.damaged_frames);
  return html`
    ${facts.framing === "mouth" && html`<span class="chip" title="The video shows the mouth alone">mouth clip</span>`}
    ${asset && facts.framing !== "mouth" && !asset.preview.mouth && html`<span class="chip warn" title="No face was found in it">no face</span>`}
    ${damaged > 0 && html`<span class="chip bad" title="Frames that could not be decoded whole">${counted(damaged, "damaged frame")}</span>`}`;
}

const countOf = (told) => (Array.isArray(told) ? told.length : Number(told) || 0);

/** A still that moves where it is pointed at, or when it is pressed. */
function Thumb({ sample }) {
  const box = useRef(null);
  const [picture, setPicture] = useState(null);
  const [film, setFilm] = useState(null);
  useEffect(() => onceSeen(box.current, () => previewOf(sample, { buckets: 1 }).then((told) => setPicture(told.still), () => {})), [sample.id]);
  useEffect(() => () => void (film && URL.revokeObjectURL(film)), [film]);
  const timer = useRef(0);
  const show = () => fetched(sample).then((blob) => setFilm(URL.createObjectURL(blob)), () => {});
  const stop = () => {
    clearTimeout(timer.current);
    setFilm(null);
  };
  const point = (event) => {
    if (event.pointerType === "mouse" && !restful()) timer.current = setTimeout(show, HOVER_MS);
  };
  const press = (event) => {
    event.stopPropagation();
    if (film) stop();
    else void show();
  };
  return html`<button class="lips-thumb" ref=${box} aria-label=${film ? `Stop sample ${sample.id}` : `Play sample ${sample.id}`} title=${film ? "Stop" : "Play"}
      onClick=${press} onPointerEnter=${point} onPointerLeave=${stop} onBlur=${stop}>
    ${film ? html`<video src=${film} muted loop autoplay playsinline></video>` : picture ? html`<img src=${still(picture)} alt="" />` : html`<${Icon} name="play" />`}
  </button>`;
}

function Details({ sample, asset }) {
  const medium = videoOf(sample);
  const facts = medium?.facts ?? {};
  const shown = asset?.preview;
  const [width, height] = [facts.width ?? shown?.width, facts.height ?? shown?.height];
  const rows = [
    ["Duration", seconds(asset?.shape.duration ?? sample.duration)],
    ["Frames", facts.frames ?? asset?.times.length],
    ["Rate", rateOf(facts)],
    ["Picture", width && `${width} × ${height}`],
    ["Shows", { mouth: "the mouth alone", face: "a face" }[facts.framing]],
    ["Kind", [facts.container, facts.codec].filter(Boolean).join(", ")],
    ["Size", medium ? bytes(medium.size) : null],
    ["Sound", shown ? (shown.sound ? "yes" : "none: it is silent") : null],
    ["Damaged", countOf(facts.damaged_frames) ? counted(countOf(facts.damaged_frames), "frame") : null],
  ];
  return factRows(rows);
}

/** What was measured counts; what the file claims is told where it differs. */
function rateOf({ rate, measured_rate: measured }) {
  if (!rate && !measured) return null;
  const told = `${Number((measured ?? rate).toFixed(2))} frames a second`;
  return rate && measured && Math.abs(rate - measured) > 0.5 ? `${told} (the file says ${Number(rate.toFixed(2))})` : told;
}

const words = { medium: "Video", raw: "Read", accept: "Accept what was read" };

export const panel = { modality: "lipreading", title: "Lip-reading", accept: "video/*", styled: true, words, keys, load, release, Player, Badges, Thumb, Details, lengthHint };
