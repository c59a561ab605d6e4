// The level while recording: a bar in decibels, and the shape of the last seconds.

import { html, useEffect, useRef } from "#/html.js";

const QUIETEST = -60;
const BARS = 160;

/** Decibels below full scale, at least `QUIETEST`. */
const decibels = (peak) => Math.max(QUIETEST, 20 * Math.log10(Math.max(peak, 1e-6)));

/** Peaks of one recording: the page adds, the meter draws. */
export class Levels {
  constructor() {
    this.peaks = [];
    this.loudest = 0;
    this.clipped = false;
    this.onChange = () => {};
  }

  add(peak, clipped) {
    this.peaks.push(peak);
    this.loudest = Math.max(this.loudest, peak);
    this.clipped ||= clipped;
    this.onChange(peak);
  }
}

/** @param {{levels: Levels}} props */
export function Meter({ levels }) {
  const canvas = useRef(null);
  const bar = useRef(null);
  const loud = useRef(null);
  useEffect(() => {
    const [shape, filled, warning] = [canvas.current, bar.current, loud.current];
    let asked = 0;
    levels.onChange = (peak) => {
      const level = decibels(peak);
      filled.style.transform = `scaleX(${1 - level / QUIETEST})`;
      filled.parentElement.setAttribute("aria-valuenow", String(Math.round(level)));
      if (levels.clipped) warning.hidden = false;
      cancelAnimationFrame(asked);
      asked = requestAnimationFrame(() => draw(shape, levels.peaks));
    };
    return () => {
      levels.onChange = () => {};
      cancelAnimationFrame(asked);
    };
  }, [levels]);
  return html`<div class="meter-box">
    <canvas ref=${canvas} class="meter-shape" aria-hidden="true"></canvas>
    <div class="meter" role="meter" aria-label="Level" aria-valuemin=${QUIETEST} aria-valuemax="0" aria-valuenow=${QUIETEST}>
      <span class="meter-bar" ref=${bar}></span>
    </div>
    <p class="small bad" role="status" ref=${loud} hidden>Too loud: move away from the microphone, or turn it down.</p>
  </div>`;
}

function draw(canvas, peaks) {
  const { clientWidth, clientHeight } = canvas;
  const scale = window.devicePixelRatio || 1;
  if (canvas.width !== clientWidth * scale) {
    canvas.width = clientWidth * scale;
    canvas.height = clientHeight * scale;
  }
  const paint = canvas.getContext("2d");
  paint.clearRect(0, 0, canvas.width, canvas.height);
  paint.fillStyle = getComputedStyle(canvas).color;
  const step = canvas.width / BARS;
  const shown = peaks.slice(-BARS);
  shown.forEach((peak, at) => {
    const height = Math.max(2 * scale, (1 - decibels(peak) / QUIETEST) * canvas.height);
    paint.fillRect((BARS - shown.length + at) * step, (canvas.height - height) / 2, Math.max(1, step * 0.6), height);
  });
}
