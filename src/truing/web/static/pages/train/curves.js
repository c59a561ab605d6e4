// The charts of a run: losses, error rate, learning rate, and whatever else its recipe reports.

import { html, useMemo } from "#/html.js";
import { Chart } from "#/components/chart.js";
import { aligned } from "#/pages/train/points.js";
import { percent } from "#/format.js";

const share = (value) => percent(value);

/** Charts in their order; `names` are figures of a recipe. */
const CHARTS = [
  { title: "Loss", lines: [{ name: "train_loss", label: "training", noisy: true }, { name: "validation_loss", label: "validation" }], empty: "The first step brings the first figure." },
  { title: "Word error rate", lines: [{ name: "validation_wer", label: "validation", token: "--series-3" }], format: share, floor: 0, read: true, empty: "Comes with the first validation." },
  { title: "Learning rate", lines: [{ name: "learning_rate", label: "rate", token: "--series-4" }], floor: 0, empty: "The first step brings the first figure." },
];
const KNOWN = new Set(CHARTS.flatMap((chart) => chart.lines.map((line) => line.name)));

/** What else a recipe reports, each in a chart of its own. */
function chartsOf(names) {
  const others = names.filter((name) => !KNOWN.has(name)).sort();
  return [...CHARTS, ...others.map((name) => ({ title: named(name), lines: [{ name, label: named(name) }], empty: "" }))];
}

/** `tokens_per_second` as "Tokens per second". */
export function named(name) {
  const words = name.replaceAll("_", " ").replace(/\b(wer|cer|snr)\b/g, (found) => found.toUpperCase()).replace(/\bdb\b/, "dB");
  return words[0].toUpperCase() + words.slice(1);
}

/** One run's charts; `turn` tells that points came. */
export function Curves({ points, turn, over }) {
  return html`<div class="curves">
    ${chartsOf(points.names).map((chart) => html`<${OneRun} key=${chart.title} ...${{ chart, points, turn, over }} />`)}
  </div>`;
}

function OneRun({ chart, points, turn, over }) {
  const { x, series } = useMemo(() => points.columns(chart.lines), [points, turn]);
  // A validation without word errors: the recipe reads no words, and never will.
  const none = over || (chart.read && points.last("validation_loss") !== null);
  if (none && !series.length) return null;
  return html`<${Chart} title=${chart.title} x=${x} series=${series} format=${chart.format} floor=${chart.floor} empty=${chart.empty} />`;
}

/** The same figures of several runs in one chart each. */
export function CurvesBeside({ runs }) {
  const charts = useMemo(() => {
    const names = [...new Set(runs.flatMap(({ points }) => points.names))];
    return chartsOf(names).flatMap((chart) => chart.lines.map((line) => ({ ...chart, title: chart.lines.length > 1 ? `${chart.title}, ${line.label}` : chart.title, ...beside(runs, line) })))
      .filter((chart) => chart.series.length);
  }, [runs]);
  return html`<div class="curves">
    ${charts.map((chart) => html`<${Chart} key=${chart.title} ...${chart} />`)}
  </div>`;
}

function beside(runs, { name, noisy }) {
  return aligned(runs.map(({ run, points }) => ({ label: `run ${run.run}`, noisy, ...(points.byName.get(name) ?? { steps: [], values: [] }) })));
}
