// A figure with the interval it lies in, as numbers and as a line with a dot.

import { html } from "#/html.js";
import { percent } from "#/format.js";

/** Points: a difference of shares in hundredths, with its sign. */
export const points = (value) => (value === null || value === undefined ? "–" : `${value >= 0 ? "+" : "−"}${Math.abs(value * 100).toFixed(1)}`);

/** A probability as people read it. */
export function chance(p) {
  if (p === null || p === undefined) return "–";
  return p < 0.0001 ? "< 0.0001" : p.toPrecision(2).replace(/e.*/, "");
}

/**
 * @param {{value: number, ci: [number, number]|null, scale?: [number, number], format?: (value: number) => string, mark?: number}} props
 * `scale`: the ends of the line, the same in all rows of a table; `mark`: a value to compare with, such as 0.
 */
export function Interval({ value, ci, scale = [0, 1], format = percent, mark }) {
  if (value === null || value === undefined) return html`<span class="quiet">–</span>`;
  return html`<span class="interval">
    <b class="number">${format(value)}</b>
    ${ci ? html`<span class="quiet small number">${format(ci[0]).replace(/ %$/, "")} to ${format(ci[1])}</span><${Line} ...${{ value, ci, scale, mark }} />` : html`<span class="quiet small">no interval</span>`}
  </span>`;
}

function Line({ value, ci, scale, mark }) {
  const [low, high] = scale;
  const at = (one) => 2 + 96 * Math.min(1, Math.max(0, (one - low) / (high - low || 1)));
  return html`<svg class="interval-line" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
    <line class="interval-axis" x1="0" x2="100" y1="5" y2="5" />
    ${mark !== undefined && html`<line class="interval-mark" x1=${at(mark)} x2=${at(mark)} y1="0" y2="10" />`}
    <line class="interval-range" x1=${at(ci[0])} x2=${at(ci[1])} y1="5" y2="5" />
    <line class="interval-dot" x1=${at(value)} x2=${at(value)} y1="1" y2="9" />
  </svg>`;
}

/** Ends of a line on which all rows have room. */
export function scaleOf(rows, around) {
  const all = rows.flatMap((row) => [row?.value, ...(row?.ci ?? [])]).filter((one) => typeof one === "number");
  if (around !== undefined) all.push(around);
  if (!all.length) return [0, 1];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  return [low - room, high + room];
}
