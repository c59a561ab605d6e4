// What figures are called, in what unit they come, and a table of all that a model measured.

import { html } from "#/html.js";
import { percent } from "#/format.js";

/** Name -> [title, unit, whether more is better]; `%` for shares of one. */
const KNOWN = {
  ssim: ["SSIM", "%", true],
  psnr: ["PSNR", "dB", true],
  colour_distance: ["Colour distance", "ΔE", false],
  structure_distance: ["Structure distance", "%", false],
  lpips: ["LPIPS", "", false],
  clip_direction: ["CLIP direction", "%", true],
  clip_similarity: ["CLIP likeness", "%", true],
  source_ssim: ["SSIM to the input", "%", true],
  source_psnr: ["PSNR to the input", "dB", true],
  source_colour_distance: ["Colour distance to the input", "ΔE", false],
  source_structure_distance: ["Structure distance to the input", "%", false],
  preferred: ["Preferred by people", "%", true],
};

/** A figure's name for people: `wer` as WER. */
export const titleOf = (name) => KNOWN[name]?.[0] ?? name?.toUpperCase() ?? "figure";

/** A figure with its unit: 0.8123 as 81.2 %, 24.318 as 24.32 dB. */
export function figure(value, unit) {
  if (typeof value !== "number") return "–";
  return unit === "%" ? percent(value) : `${value.toFixed(2)} ${unit}`.trim();
}

/** The measures of pictures that an evaluation's figures hold; none where its model says texts. */
export function measuresIn(figures) {
  if (!("ssim" in figures)) return [];
  return Object.entries(KNOWN).filter(([name]) => name in figures).map(([name, [title, unit, higher]]) => ({
    name, title, unit, higher_is_better: higher, value: figures[name], baseline: figures.baseline?.[name],
  }));
}

/**
 * @param {{measures: any[], columns: [string, any][], label: string}} props `columns`: the key of a measure, and what stands above it
 */
export function MeasureTable({ measures, columns, label }) {
  return html`<div class="table-box" tabindex="0" role="region" aria-label=${label}><table class="measures">
    <thead><tr><th scope="col">Measure</th>${columns.map(([key, head]) => html`<th scope="col" class="number" key=${key}>${head}</th>`)}<th scope="col">Better is</th></tr></thead>
    <tbody>${measures.map((one) => html`<tr key=${one.name}><th scope="row">${one.title}</th>
      ${columns.map(([key]) => html`<td class="number nowrap ${key !== "baseline" && key === best(one, columns) ? "best" : ""}" key=${key}>${figure(one[key], one.unit)}</td>`)}
      <td class="quiet small">${one.higher_is_better ? "higher" : "lower"}</td></tr>`)}</tbody>
  </table></div>`;
}

/** The column that is ahead in a measure; none where two are as good. */
function best(measure, columns) {
  const known = columns.map(([key]) => [key, measure[key]]).filter(([, value]) => typeof value === "number");
  const sign = measure.higher_is_better ? -1 : 1;
  const [first, second] = known.toSorted(([, one], [, other]) => sign * (one - other));
  return first && (!second || Math.abs(first[1] - second[1]) > 1e-6) ? first[0] : null;
}
