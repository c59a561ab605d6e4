// How speech is shown and played in the pages: waveform, words by confidence, level, speed, loop.

import { html, signal, useEffect, useLayoutEffect, useMemo, useRef, useState } from "#/html.js";
import { factRows } from "#/components/facts.js";
import { Icon } from "#/components/icon.js";
import { Playback, playback } from "#/components/playback.js";
import { lengthHint, playActs, playRows, Speed, toggleLoop, Volume } from "#/components/spoken.js";
import { decodePeaks, Waveform } from "#/components/waveform.js";
import { address, api, ApiError, blobAt } from "#/api.js";
import { bytes, percent, seconds } from "#/format.js";
import { keysOf, useKeys } from "#/keymap.js";

const BACK_SECONDS = 2;
const DOUBT = "truing.doubt";
const DOUBT_AT = 0.6;
/** Bytes; more is played as it comes in. */
const FETCHED_WHOLE = 8_000_000;
/** Seconds: shorter sound is asked for as WAV. Chromium cannot seek in a FLAC file of a few frames. */
const SHORT = 15;
const PLAYABLE = ["audio/flac", "audio/wav", "audio/x-wav", "audio/mpeg", "audio/ogg"];
/** Longer sound is not turned into a spectrogram here. */
const LONGEST_PICTURE = 120;

const keys = playRows("Listening", "hear the last 2 seconds again");

/** Words below this confidence are marked. */
const doubt = signal(Number.parseFloat(localStorage.getItem(DOUBT) ?? "") || DOUBT_AT);

const audioOf = (sample) => sample.media?.find((medium) => medium.role === "audio");
/** In the address, so that no cache takes another workspace's sound for this one. */
const digestOf = (sample) => audioOf(sample)?.digest.slice(7, 23);
const mediaOf = (sample, params = {}) => address(`/api/samples/${sample.id}/media/audio`, { of: digestOf(sample), ...params });

/** Where the sound is in a form that plays and can be sought in. */
function soundOf(sample) {
  const medium = audioOf(sample);
  const asKept = medium && sample.duration > SHORT && PLAYABLE.includes(medium.media_type);
  return mediaOf(sample, asKept ? {} : { format: "wav" });
}

/** Waveform and sound of a sample. A short sound is fetched whole, so that it plays at once. */
async function load(sample, { signal: stop } = {}) {
  const medium = audioOf(sample);
  if (!medium) throw new ApiError(404, { code: "no_audio", message: `sample ${sample.id} has no sound`, hint: null });
  const [preview, sound] = await Promise.all([
    api.get(`/api/samples/${sample.id}/preview`, { of: digestOf(sample) }, { signal: stop }),
    medium.size > FETCHED_WHOLE ? null : blobAt(soundOf(sample), { signal: stop, missing: `the sound of sample ${sample.id} is not there` }),
  ]);
  const shape = { peaks: decodePeaks(preview.peaks), duration: preview.duration, clipped: preview.clipped ?? [] };
  return { sound, url: sound ? URL.createObjectURL(sound) : soundOf(sample), preview, shape };
}

function release(asset) {
  if (asset.sound) URL.revokeObjectURL(asset.url);
}

function Player({ sample, asset, autoplay = false, onProblem }) {
  const [picture, setPicture] = useState(null);
  const words = wordsOf(sample);
  const marks = useMemo(() => words.map((word) => word.start).filter((start) => start !== null), [sample]);
  useLayoutEffect(() => {
    setPicture(null);
    if (!asset) return;
    playback.show(asset.url);
    if (autoplay) void playback.play(0);
  }, [asset]);
  useEffect(() => () => playback.pause(), []);
  useEffect(() => {
    if (playback.broken.value) onProblem?.({ message: "this browser cannot play the sound", hint: "download it to hear it elsewhere" });
  }, [playback.broken.value]);
  useKeys(asset ? playActs(playback, { duration: asset.shape.duration, back: BACK_SECONDS }) : {});
  return html`<div class="speech" data-playable=${asset && playback.ready.value ? sample.id : undefined}>
    <div class="speech-picture">
      <${Waveform} name=${sample.id} shape=${asset?.shape ?? null} marks=${marks} clock=${playback} picture=${picture}
        region=${playback.region.value} onRegion=${(region) => playback.loop(region)} />
      ${playback.refused.value && html`<p class="speech-notice small" role="status">Press play to hear it.</p>`}
    </div>
    <${Controls} sample=${sample} asset=${asset} picture=${picture} onPicture=${setPicture} />
    ${words.length > 0 && html`<${Words} words=${words} />`}
  </div>`;
}

function Controls({ sample, asset, picture, onPicture }) {
  const playing = playback.playing.value;
  return html`<div class="speech-controls">
    <button class="speech-play" aria-label=${playing ? "Pause" : "Play"} disabled=${!asset} title="Play or pause (${keysOf("play")})"
      onClick=${() => playback.toggle()}><${Icon} name=${playing ? "pause" : "play"} /></button>
    <${Clock} duration=${asset?.shape.duration ?? null} />
    <${Meter} asset=${asset} />
    <button class="icon" aria-label="Last 2 seconds again" disabled=${!asset} title="Last 2 seconds again (${keysOf("play.back")})"
      onClick=${() => playback.back(BACK_SECONDS)}><${Icon} name="back" /></button>
    <button class="icon" aria-label="Loop" aria-pressed=${playback.region.value ? "true" : "false"} disabled=${!asset}
      title="Loop; drag on the waveform to choose what (${keysOf("play.loop")})" onClick=${() => toggleLoop(playback, asset.shape.duration)}><${Icon} name="loop" /></button>
    <${Speed} player=${playback} />
    <${Volume} player=${playback} />
    <span class="speech-more">
      <${SpectrogramButton} asset=${asset} picture=${picture} onPicture=${onPicture} />
      <a class="button icon" aria-label="Download the sound" title="Download the sound" download
        href=${mediaOf(sample, { download: 1 })}><${Icon} name="download" /></a>
    </span>
  </div>`;
}

/** Where the sound is, written without rendering the page anew. */
function Clock({ duration }) {
  const box = useRef(null);
  useLayoutEffect(() => {
    const tick = (time) => (box.current.textContent = time.toFixed(1));
    tick(playback.time);
    return playback.onTick(tick);
  }, [duration]);
  return html`<span class="speech-clock number"><span ref=${box}>0.0</span> / ${duration === null ? "–" : duration.toFixed(1)} s</span>`;
}

/** How loud it is just now, from the peaks. */
function Meter({ asset }) {
  const bar = useRef(null);
  useLayoutEffect(() => {
    const tick = (time) => {
      const level = asset && playback.playing.value ? loudness(asset, time) : 0;
      bar.current.style.transform = `scaleX(${level.toFixed(3)})`;
    };
    tick(0);
    const stop = playback.onTick(tick);
    const quiet = playback.playing.subscribe((playing) => !playing && tick(0));
    return () => {
      stop();
      quiet();
    };
  }, [asset]);
  return html`<span class="speech-meter" aria-hidden="true" title="Level"><span ref=${bar}></span></span>`;
}

/** 0 to 1 over the 48 decibels below full scale. */
function loudness({ shape, preview }, time) {
  const { peaks, duration } = shape;
  const at = Math.min(peaks.length / 2 - 1, Math.floor((time / duration) * (peaks.length / 2)));
  const peak = (Math.max(-peaks[2 * at], peaks[2 * at + 1]) / 127) * preview.scale;
  return peak > 0 ? Math.max(0, Math.min(1, 1 + (20 * Math.log10(peak)) / 48)) : 0;
}

/** Level and clipping as chips, for the heading of a sample. */
function Badges({ asset }) {
  if (!asset) return null;
  const { preview } = asset;
  const clips = preview.clipped?.length ?? 0;
  return html`
    ${clips > 0 && html`<span class="chip bad" title="Marked at the edges of the waveform">clipped in ${clips} ${clips === 1 ? "place" : "places"}</span>`}
    ${decibels(preview.level_db, "dBFS") && html`<span class="chip number" title="Mean level">${decibels(preview.level_db, "dBFS")}</span>`}
    ${decibels(preview.snr_db, "dB") && html`<span class="chip number" title="Speech above the background">SNR ${decibels(preview.snr_db, "dB")}</span>`}`;
}

const decibels = (value, unit) => (Number.isFinite(value) ? `${value.toFixed(1).replace("-", "−")} ${unit}` : "");

function SpectrogramButton({ asset, picture, onPicture }) {
  const [busy, setBusy] = useState(false);
  const long = asset && (!asset.sound || asset.shape.duration > LONGEST_PICTURE);
  const show = async () => {
    if (picture) return onPicture(null);
    setBusy(true);
    try {
      const { spectrogram } = await import("#/components/spectrogram.js");
      onPicture(await spectrogram(await asset.sound.arrayBuffer()));
    } finally {
      setBusy(false);
    }
  };
  return html`<button class="icon" aria-label="Spectrogram" aria-pressed=${picture ? "true" : "false"} disabled=${!asset || busy || long}
    title=${long ? `Spectrogram: up to ${seconds(LONGEST_PICTURE)}` : "Spectrogram"} onClick=${show}><${Icon} name="wave" /></button>`;
}

const wordsOf = (sample) => sample.predictions?.find((said) => said.kind === "recognizer")?.words ?? [];

/** What the model heard: each word plays when it is clicked and is marked when it was doubted. */
function Words({ words }) {
  const line = useRef(null);
  const limit = doubt.value;
  useLayoutEffect(() => {
    const shown = [...line.current.querySelectorAll("[data-word]")];
    const tick = (time) => {
      for (const [at, word] of words.entries()) {
        const now = playback.playing.value && word.start !== null && time >= word.start && time < word.end;
        if (shown[at].classList.contains("speaking") !== now) shown[at].classList.toggle("speaking", now);
      }
    };
    return playback.onTick(tick);
  }, [words]);
  return html`<div class="speech-words">
    <label class="player-slider quiet" title="Words the model was less sure of are underlined">
      <span>Doubted below</span>
      <input type="range" min="0" max="1" step="0.05" value=${limit} aria-label="Mark words below this confidence" aria-valuetext=${percent(limit, 0)}
        onInput=${(event) => setDoubt(event.target.valueAsNumber)} />
      <output class="number">${percent(limit, 0)}</output>
    </label>
    <p ref=${line} aria-label="Words as the model heard them">
      ${words.map((word, at) => html`<${HeardWord} key=${at} word=${word} limit=${limit} /> `)}
    </p>
  </div>`;
}

function setDoubt(limit) {
  doubt.value = limit;
  localStorage.setItem(DOUBT, String(limit));
}

function HeardWord({ word, limit }) {
  const sure = word.confidence;
  const doubted = sure === null || sure >= limit ? undefined : sure < limit / 2 ? "much" : "some";
  const told = sure === null ? "" : `, ${percent(sure, 0)} sure`;
  const timed = word.start !== null && word.end !== null;
  return html`<button class="speech-word" data-word data-doubt=${doubted} disabled=${!timed}
    title=${timed ? `Hear it${told}` : `No time known${told}`} aria-label="${word.text}${told}"
    onClick=${() => playback.play(word.start, word.end)}>${word.text}</button>`;
}

/** The small button of tables; all of them share one player, so that one sounds at a time. */
let small = null;
const heard = signal(null);

function Thumb({ sample }) {
  const mine = heard.value === sample.id && small?.playing.value;
  const toggle = (event) => {
    event.stopPropagation();
    small ??= new Playback();
    if (mine) return small.pause();
    playback.pause();
    small.show(soundOf(sample));
    heard.value = sample.id;
    void small.play(0);
  };
  return html`<button class="icon small" aria-label=${mine ? `Pause sample ${sample.id}` : `Play sample ${sample.id}`}
    title=${mine ? "Pause" : "Play"} onClick=${toggle}><${Icon} name=${mine ? "pause" : "play"} /></button>`;
}

function Details({ sample, asset }) {
  const medium = audioOf(sample);
  const facts = medium?.facts ?? {};
  const rows = [
    ["Duration", seconds(asset?.shape.duration ?? sample.duration)],
    ["Rate", facts.sample_rate ? `${facts.sample_rate / 1000} kHz` : null],
    ["Channels", facts.channels],
    ["Kind", [facts.codec, facts.bits && `${facts.bits} bits`].filter(Boolean).join(", ")],
    ["Size", medium ? bytes(medium.size) : null],
    ["Level", asset && decibels(asset.preview.level_db, "dBFS")],
    ["Peak", asset && decibels(asset.preview.peak_db, "dBFS")],
    ["SNR", asset && decibels(asset.preview.snr_db, "dB")],
  ];
  return factRows(rows);
}

export const panel = {
  modality: "speech",
  title: "Speech",
  accept: "audio/*",
  styled: true,
  keys,
  load,
  prepare: (asset) => playback.prepare(asset.url),
  release,
  Player,
  Badges,
  Thumb,
  Details,
  lengthHint,
};
