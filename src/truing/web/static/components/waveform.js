// The shape of a sound on a canvas: click to seek, drag to choose a region, arrows to step.

import { html, useEffect, useLayoutEffect, useRef } from "#/html.js";
import { theme } from "#/shell.js";

const STEP = 0.5;
const DRAG_PIXELS = 5;

/**
 * @typedef {{peaks: Int8Array, duration: number, clipped: [number, number][]}} Shape
 * `peaks` holds lowest and highest in turn, relative to the sound's own peak.
 */

/** The peaks of a preview: base64 of int8 pairs. */
export function decodePeaks(encoded) {
  return Int8Array.from(atob(encoded), (char) => char.charCodeAt(0));
}

/**
 * `clock` is what plays: `time`, `seek(time)`, `onTick(listener)` which returns how to stop.
 * @param {{name: number|string, shape: Shape|null, marks?: number[], region: [number, number]|null,
 *   clock: any, onRegion: (region: [number, number]|null) => void, picture?: HTMLCanvasElement|null}} props
 */
export function Waveform({ name, shape, marks = [], region, clock, onRegion, picture = null }) {
  const box = useRef(null);
  const canvas = useRef(null);
  useDrawing(canvas, { name, shape, marks, picture });
  usePlayhead(box, clock, shape);
  const handlers = usePointer(box, shape, clock, onRegion);
  const length = shape?.duration ?? 0;
  const part = (time) => `${length ? (time / length) * 100 : 0}%`;
  return html`<div class="wave" ref=${box} role="slider" tabindex="0" aria-label="Position in the recording"
      aria-valuemin="0" aria-valuemax=${length.toFixed(1)} aria-valuenow="0.0" ...${handlers}>
    <canvas ref=${canvas} aria-hidden="true"></canvas>
    ${region && html`<span class="wave-region" style=${{ left: part(region[0]), width: part(region[1] - region[0]) }}></span>`}
    <span class="wave-chosen" hidden></span>
    <span class="wave-head"></span>
  </div>`;
}

/** Draws when the sound, the size or the colours change; between those it asks nothing of the layout. */
function useDrawing(canvas, { name, shape, marks, picture }) {
  const kept = useRef({ size: null, colours: null, again: () => {} });
  kept.current.again = () => {
    const element = canvas.current;
    if (!element) return;
    const look = kept.current;
    look.size ??= sizeOf(element);
    look.colours ??= coloursOf(element);
    if (shape) draw(element, look, shape, marks, picture);
    element.dataset.drawn = shape ? name : "";
  };
  useLayoutEffect(() => {
    kept.current.colours = null;
  }, [theme.value]);
  useLayoutEffect(() => kept.current.again(), [shape, marks, picture, theme.value]);
  useEffect(() => {
    const anew = () => {
      Object.assign(kept.current, { size: null, colours: null });
      kept.current.again();
    };
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const watched = new ResizeObserver(anew);
    watched.observe(canvas.current);
    scheme.addEventListener("change", anew);
    return () => {
      watched.disconnect();
      scheme.removeEventListener("change", anew);
    };
  }, []);
}

function sizeOf(canvas) {
  const density = window.devicePixelRatio || 1;
  return { width: Math.round(canvas.clientWidth * density), height: Math.round(canvas.clientHeight * density), density };
}

/** A canvas cannot read light-dark(); the style of the element can. */
function coloursOf(canvas) {
  const { color, outlineColor, columnRuleColor } = getComputedStyle(canvas);
  return { wave: color, clipped: outlineColor, mark: columnRuleColor };
}

function draw(canvas, { size, colours }, shape, marks, picture) {
  const { width, height, density } = size;
  if (!width || !height) return;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, height);
  if (picture) context.drawImage(picture, 0, 0, width, height);
  else drawPeaks(context, shape.peaks, width, height, colours.wave);
  context.fillStyle = colours.clipped;
  for (const [start, end] of shape.clipped) {
    const left = (start / shape.duration) * width;
    const wide = Math.max(2 * density, ((end - start) / shape.duration) * width);
    context.fillRect(left, 0, wide, 4 * density);
    context.fillRect(left, height - 4 * density, wide, 4 * density);
  }
  context.fillStyle = colours.mark;
  for (const time of marks) context.fillRect((time / shape.duration) * width, height - 8 * density, density, 8 * density);
}

function drawPeaks(context, peaks, width, height, colour) {
  const buckets = peaks.length / 2;
  const middle = height / 2;
  const scale = (height * 0.46) / 127;
  context.fillStyle = colour;
  context.beginPath();
  for (let x = 0; x < width; x += 1) {
    const from = Math.floor((x * buckets) / width);
    const until = Math.max(from + 1, Math.floor(((x + 1) * buckets) / width));
    let low = 127;
    let high = -128;
    for (let at = from; at < until; at += 1) {
      low = Math.min(low, peaks[2 * at]);
      high = Math.max(high, peaks[2 * at + 1]);
    }
    const top = middle - high * scale;
    context.rect(x, top, 1, Math.max(1, middle - low * scale - top));
  }
  context.fill();
}

/** Moves the playhead without rendering anything anew. */
function usePlayhead(box, clock, shape) {
  useLayoutEffect(() => {
    const head = box.current.querySelector(".wave-head");
    const length = shape?.duration ?? 0;
    let told = "";
    const tick = (time) => {
      const share = length ? Math.min(1, time / length) : 0;
      head.style.transform = `translateX(${share * 100}%)`;
      const now = time.toFixed(1);
      if (now === told) return;
      told = now;
      box.current.setAttribute("aria-valuenow", now);
      box.current.setAttribute("aria-valuetext", `${now} of ${length.toFixed(1)} seconds`);
    };
    tick(clock.time);
    return clock.onTick(tick);
  }, [clock, shape]);
}

function usePointer(box, shape, clock, onRegion) {
  const from = useRef(null);
  const timeAt = (event) => {
    const area = box.current.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - area.left) / area.width)) * (shape?.duration ?? 0);
  };
  const dragged = (event) => from.current && Math.abs(event.clientX - from.current.x) > DRAG_PIXELS;
  const chosen = () => box.current.querySelector(".wave-chosen");
  return {
    onPointerDown: (event) => {
      if (event.button !== 0 || !shape) return;
      from.current = { x: event.clientX, time: timeAt(event) };
      box.current.setPointerCapture(event.pointerId);
    },
    onPointerMove: (event) => {
      if (!dragged(event)) return;
      const [start, end] = [from.current.time, timeAt(event)].sort((one, other) => one - other);
      const mark = chosen();
      mark.hidden = false;
      mark.style.left = `${(start / shape.duration) * 100}%`;
      mark.style.width = `${((end - start) / shape.duration) * 100}%`;
    },
    onPointerUp: (event) => {
      if (!from.current) return;
      const ends = [from.current.time, timeAt(event)].sort((one, other) => one - other);
      if (dragged(event)) onRegion(ends);
      else clock.seek(ends[0]);
      from.current = null;
      chosen().hidden = true;
    },
    onPointerCancel: () => {
      from.current = null;
      chosen().hidden = true;
    },
    onKeyDown: (event) => {
      const steps = { ArrowLeft: -STEP, ArrowRight: STEP, Home: -Infinity, End: Infinity };
      const step = steps[event.key];
      if (step === undefined || event.altKey || event.ctrlKey || event.metaKey || !shape) return;
      event.preventDefault();
      clock.seek(Math.min(shape.duration, Math.max(0, clock.time + step)));
    },
  };
}
