// A chart of figures over steps or time: uPlot in the colours of the theme, with its data as words and as a table.

import uPlot from "uplot";
import { html, useEffect, useMemo, useRef, useState } from "#/html.js";
import { theme } from "#/shell.js";

/** Tokens of the series, in order; each has its own dashes, so that colour is never the only sign. */
const TOKENS = ["--series-1", "--series-2", "--series-3", "--series-4"];
const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]];
const TABLE_ROWS = 60;

/** A figure in few characters, small ones included: 0.153, 12.4, 1e-5. */
export function figure(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && size < 0.001) return value.toExponential(2).replace(/\.?0+e/, "e");
  if (size >= 1000) return Math.round(value).toLocaleString();
  return String(Number(value.toPrecision(3)));
}

/**
 * @typedef {{label: string, values: (number|null)[], token?: string, behind?: (number|null)[]}} Series
 * `values` has one entry per entry of `x`; null where there is none, and the line goes on behind it.
 * `behind`: the figures that `values` is a trend of, drawn pale.
 *
 * @param {{title: string, x: number[], series: Series[], xLabel?: string, format?: (value: number) => string,
 *   xFormat?: (value: number) => string, time?: boolean, height?: number, empty?: string, floor?: number}} props
 * `time`: x are seconds since 1970. `floor`: the value axis begins there. `empty`: said while there is no figure.
 */
export function Chart({ title, x, series, xLabel = "step", format = figure, xFormat, time = false, height = 190, empty = "No figures yet.", floor }) {
  const [at, setAt] = useState(null);
  const place = useRef(null);
  const shownX = xFormat ?? (time ? (value) => new Date(value * 1000).toLocaleDateString() : (value) => value.toLocaleString());
  const some = series.some((one) => one.values.some((value) => value !== null));
  usePlot(place, { x, series, format, xFormat, time, height, floor, some, onCursor: setAt });
  return html`<figure class="chart" aria-label=${title}>
    <div class="chart-head">
      <p class="chart-title">${title}</p>
      ${some && html`<${Legend} ...${{ series, format, at, x, shownX, xLabel }} />`}
    </div>
    <div class="chart-plot" aria-hidden="true" ref=${place}>${!some && html`<p class="chart-empty quiet">${empty}</p>`}</div>
    <figcaption class=${some ? "chart-words small quiet" : "visually-hidden"}>
      <span class="visually-hidden">${some ? inWords(x, series, format, shownX, xLabel) : empty}</span>
      ${some && html`<${Table} ...${{ title, x, series, format, shownX, xLabel }} />`}
    </figcaption>
  </figure>`;
}

function tokenOf(series, index) {
  return series[index].token ?? TOKENS[index % TOKENS.length];
}

/** Names, dashes and the newest figures, or those below the pointer. */
function Legend({ series, format, at, x, shownX, xLabel }) {
  return html`<ul class="chart-legend small">
    ${at !== null && x[at] !== undefined && html`<li class="quiet number">${xLabel} ${shownX(x[at])}</li>`}
    ${series.map((one, index) => html`<li key=${one.label}>
      <svg class="chart-line" viewBox="0 0 22 6" aria-hidden="true">
        <line x1="0" y1="3" x2="22" y2="3" stroke="var(${tokenOf(series, index)})" stroke-width="2.5" stroke-dasharray=${DASHES[index % DASHES.length].join(" ")} />
      </svg>
      <span class="quiet">${one.label}</span>
      <b class="number">${format(at === null ? lastOf(one.values) : upTo(one.values, at))}</b>
    </li>`)}
  </ul>`;
}

const lastOf = (values) => values.findLast((value) => value !== null) ?? null;
const upTo = (values, at) => lastOf(values.slice(0, at + 1));

function inWords(x, series, format, shownX, xLabel) {
  const told = series.flatMap(({ label, values }) => {
    const known = values.flatMap((value, index) => (value === null ? [] : [{ value, x: x[index] }]));
    if (!known.length) return [];
    const [lowest, highest] = [Math.min, Math.max].map((pick) => pick(...known.map((one) => one.value)));
    const last = known.at(-1);
    return `${label}: from ${format(known[0].value)} to ${format(last.value)} at ${xLabel} ${shownX(last.x)}, between ${format(lowest)} and ${format(highest)}.`;
  });
  return told.join(" ");
}

/** The figures as a table, thinned to what can be read. */
function Table({ title, x, series, format, shownX, xLabel }) {
  const [open, setOpen] = useState(false);
  const known = x.map((_, index) => index).filter((index) => series.some((one) => one.values[index] !== null));
  const every = Math.ceil(known.length / TABLE_ROWS);
  const rows = known.filter((_, index) => index % every === 0 || index === known.length - 1);
  return html`<details class="chart-table" onToggle=${(event) => setOpen(event.currentTarget.open)}>
    <summary>as a table</summary>
    ${open && html`<div class="table-box" tabindex="0" role="region" aria-label="${title}, as a table"><table>
      <thead><tr><th scope="col">${xLabel}</th>${series.map((one) => html`<th scope="col" class="number" key=${one.label}>${one.label}</th>`)}</tr></thead>
      <tbody>${rows.map((index) => html`<tr key=${index}>
        <th scope="row">${shownX(x[index])}</th>
        ${series.map((one) => html`<td class="number" key=${one.label}>${one.values[index] === null ? "" : format(one.values[index])}</td>`)}
      </tr>`)}</tbody>
    </table></div>`}
  </details>`;
}

/** What a token looks like now; a canvas cannot read `light-dark()`, a probe element can. */
function coloursOf(element, tokens) {
  const probe = document.createElement("span");
  element.append(probe);
  const found = Object.fromEntries(tokens.map((token) => {
    probe.style.color = `var(${token})`;
    return [token, getComputedStyle(probe).color];
  }));
  probe.remove();
  return found;
}

/** Makes the plot, and keeps its data, size and colours in step; new data are drawn once per frame. */
function usePlot(place, given) {
  const held = useRef({ plot: null, given, colours: {}, frame: 0 });
  held.current.given = given;
  const labels = given.series.map((one) => `${one.label} ${one.token ?? ""} ${Boolean(one.behind)}`).join("|");
  const data = useMemo(() => [given.x, ...drawn(given.series).map((one) => one.values)], [given.x, given.series]);
  useEffect(() => {
    if (!given.some) return undefined;
    const mine = held.current;
    const box = place.current;
    mine.colours = coloursOf(box, wanted(given.series));
    mine.plot = new uPlot(optionsOf(mine, box.clientWidth), data, box);
    // May come once more when the page is gone already.
    const sizes = new ResizeObserver(() => box.isConnected && mine.plot?.setSize({ width: box.clientWidth, height: mine.given.height }));
    sizes.observe(box);
    return () => {
      cancelAnimationFrame(mine.frame);
      sizes.disconnect();
      mine.plot.destroy();
      mine.plot = null;
    };
  }, [given.some, labels, given.time, given.height]);
  useEffect(() => {
    const mine = held.current;
    cancelAnimationFrame(mine.frame);
    mine.frame = requestAnimationFrame(() => mine.plot?.setData(data));
  }, [data]);
  useColours(() => {
    const mine = held.current;
    if (!mine.plot) return;
    mine.colours = coloursOf(place.current, wanted(mine.given.series));
    mine.plot.redraw(false, true);
  });
}

/** The lines as they are drawn: pale ones first. */
function drawn(series) {
  const pale = series.flatMap((one, index) => (one.behind ? [{ values: one.behind, index, pale: true }] : []));
  return [...pale, ...series.map((one, index) => ({ values: one.values, index, pale: false }))];
}

const wanted = (series) => ["--ink-quiet", "--line", ...series.map((_, index) => tokenOf(series, index))];

/** Calls `repaint` when the theme changes, by its button or by the system. */
function useColours(repaint) {
  const chosen = theme.value;
  useEffect(() => {
    repaint();
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", repaint);
    return () => system.removeEventListener("change", repaint);
  }, [chosen]);
}

function optionsOf(mine, width) {
  const { series, time, height } = mine.given;
  const line = () => mine.colours["--line"];
  const ink = () => mine.colours["--ink-quiet"];
  const axis = { stroke: ink, font: "12px system-ui, sans-serif", grid: { stroke: line, width: 1 }, ticks: { show: false } };
  return {
    width,
    height,
    padding: [8, 30, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    scales: { x: { time }, y: { range: (_, low, high) => rangeOf(low, high, mine.given.floor) } },
    axes: [
      { ...axis, size: 28, grid: { show: false }, values: mine.given.xFormat ? (_, values) => values.map((value) => mine.given.xFormat(value)) : undefined },
      { ...axis, size: (_, values) => 16 + 7 * Math.max(3, ...(values ?? []).map((value) => value.length)), values: (_, values) => values.map((value) => mine.given.format(value)) },
    ],
    series: [
      {},
      ...drawn(series).map(({ index, pale }) => ({
        stroke: () => mine.colours[tokenOf(mine.given.series, index)],
        width: pale ? 1 : 2,
        alpha: pale ? 0.3 : 1,
        dash: pale ? [] : DASHES[index % DASHES.length],
        spanGaps: true,
        points: { show: (plot, at) => !pale && plot.data[at].filter((value) => value !== null).length < 24, size: 5 },
      })),
    ],
    hooks: { setCursor: [(plot) => mine.given.onCursor(plot.cursor.idx ?? null)] },
  };
}

/** The value axis: a little room around the figures, never an empty one. */
function rangeOf(low, high, floor) {
  if (low === null || high === null) return [0, 1];
  const room = (high - low || Math.abs(high) || 1) * 0.08;
  const least = floor === undefined ? low - room : Math.min(floor, low);
  return [low >= 0 && least < 0 ? 0 : least, high + room];
}
