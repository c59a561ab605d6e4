// How training data grow: all there is over time, and what came new from each source.

import { html, useMemo } from "#/html.js";
import { Chart } from "#/components/chart.js";
import { count, counted } from "#/format.js";

const DAY = 86_400;
const WEEK = 7 * DAY;
/** Sources with a line of their own; those of the others are added up. */
const LINES = 3;

/** The start of a day in UTC, in seconds since 1970. */
export const secondsOf = (day) => Date.parse(`${day}T00:00:00Z`) / 1000;
const dayOf = (at) => new Date(at * 1000).toLocaleDateString(undefined, { day: "numeric", month: "short", timeZone: "UTC" });
/** The same where a chart covers several years. */
const monthOf = (at) => new Date(at * 1000).toLocaleDateString(undefined, { month: "short", year: "numeric", timeZone: "UTC" });

/**
 * Steps of one length from the first to the last, those without a sample too; a chart counts them, and
 * calls them by their date: every tick is a day, whatever the zone.
 * @param {number[]} known seconds, in order
 */
export function stepsOf(known, size = WEEK) {
  const steps = [];
  for (let at = known[0]; at <= known.at(-1); at += size) steps.push(at);
  const named = steps.length && steps.at(-1) - steps[0] > 52 * WEEK ? monthOf : dayOf;
  return { steps, x: steps.map((_, at) => at), xFormat: (at) => (Number.isInteger(at) && steps[at] !== undefined ? named(steps[at]) : "") };
}

const whole = (value) => (Number.isInteger(value) ? count(value) : "");

export function Growth({ data, words }) {
  const total = useMemo(() => growthOf(data), [data]);
  const fresh = useMemo(() => freshOf(data), [data]);
  const last = data.by_week.at(-1);
  return html`<section class="card stack" aria-labelledby="growth-title">
    <div class="row between"><h2 id="growth-title">Growth</h2>
      ${last && html`<span class="small quiet">${counted(last.samples, words.sample)} in the newest week</span>`}</div>
    ${total.x.length < 2 ? html`<p class="quiet">All of them came on one day; the curves begin with the second day, and with the second week.</p>` : html`<div class="halves">
      <${Chart} title=${`${words.samples} in all`} ...${total} xLabel="until" floor=${0} format=${whole} />
      ${fresh.x.length > 1
        ? html`<${Chart} title="New by week and source" ...${fresh} xLabel="week of" floor=${0} format=${whole} />`
        : html`<p class="quiet">All of them came in one week; what each week brings shows from the second on.</p>`}
    </div>`}
  </section>`;
}

/** All there is at the end of each day, or of each week where there are many. */
function growthOf({ by_day, by_week }) {
  const rows = by_day.length ? by_day.map((one) => [secondsOf(one.day), one.samples]) : by_week.map((one) => [secondsOf(one.week), one.samples]);
  if (!rows.length) return { x: [], series: [] };
  const fresh = new Map(rows);
  const { steps, ...axis } = stepsOf(rows.map(([at]) => at), by_day.length ? DAY : WEEK);
  let sum = 0;
  const values = steps.map((at) => (sum += fresh.get(at) ?? 0));
  return { ...axis, series: [{ label: "in all", values }] };
}

function freshOf({ by_week, by_source }) {
  if (!by_week.length) return { x: [], series: [] };
  const weeks = new Map(by_week.map((one) => [secondsOf(one.week), one]));
  const { steps, ...axis } = stepsOf([...weeks.keys()]);
  const names = by_source.map((one) => one.source);
  const own = names.slice(0, names.length > LINES + 1 ? LINES : LINES + 1);
  const series = own.map((name) => ({ label: name, values: steps.map((at) => weeks.get(at)?.sources[name] ?? 0) }));
  if (own.length < names.length) {
    const rest = (week) => names.slice(own.length).reduce((sum, name) => sum + (week?.sources[name] ?? 0), 0);
    series.push({ label: "others", values: steps.map((at) => rest(weeks.get(at))) });
  }
  return { ...axis, series };
}
