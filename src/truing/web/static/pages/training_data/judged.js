// What people and checks say of the data: ratings and findings.

import { html, useMemo } from "#/html.js";
import { Chart } from "#/components/chart.js";
import { checkName } from "#/components/filters.js";
import { address } from "#/api.js";
import { count, counted, percent } from "#/format.js";
import { Bars } from "#/pages/training_data/bars.js";
import { secondsOf, stepsOf } from "#/pages/training_data/growth.js";

const STARS = [5, 4, 3, 2, 1];
/** Findings that are shown one by one. */
const SHOWN = 12;

export function Ratings({ data, words, of }) {
  const { ratings, by_week, samples } = data;
  const weekly = useMemo(() => weeksOf(by_week), [by_week]);
  if (!ratings.rated) {
    return html`<section class="card" id="ratings" aria-labelledby="ratings-title"><h2 id="ratings-title">Ratings</h2>
      <p class="quiet">None is rated yet. Give 1 to 5 on <a href=${address("/review", of)}>Review</a>, by <code>truing rate</code>, or from your app through <code>POST /api/samples/…/rating</code>.</p></section>`;
  }
  return html`<section class="card stack" id="ratings" aria-labelledby="ratings-title">
    <div class="row between"><h2 id="ratings-title">Ratings</h2>
      <span class="small quiet">${percent(ratings.rated / samples, 0)} of ${words.samples.toLowerCase()} rated, mean <b class="number">${ratings.mean.toFixed(2)}</b></span></div>
    <${Bars} rows=${STARS.map((stars) => ({ key: String(stars), label: counted(stars, "star"), value: ratings.distribution[stars] }))} />
    ${weekly.x.length > 1
      ? html`<${Chart} title="Mean by week of capture" ...${weekly} xLabel="week of" floor=${1} format=${(value) => value.toFixed(1)} />`
      : html`<p class="small quiet">The mean by week shows from the second week with ratings on.</p>`}
  </section>`;
}

function weeksOf(by_week) {
  const means = new Map(by_week.filter((week) => week.rated).map((week) => [secondsOf(week.week), week.mean_rating]));
  const { steps, ...axis } = stepsOf([...means.keys()]);
  return { ...axis, series: [{ label: "mean", values: steps.map((at) => means.get(at) ?? null) }] };
}

export function Findings({ data, words, of }) {
  const { findings } = data;
  const shown = findings.slice(0, SHOWN);
  return html`<section class="card stack" aria-labelledby="found-title">
    <div class="row between"><h2 id="found-title">Findings</h2><span class="small quiet">what checks noticed</span></div>
    ${shown.length === 0
      ? html`<p class="quiet">No check has found anything in these ${words.samples.toLowerCase()}.</p>`
      : html`<${Bars} most=${Math.max(...shown.map((one) => one.samples))} rows=${shown.map((one) => ({
          key: one.check, label: checkName(one.check), href: address("/samples", { ...of, finding: one.check }), value: one.samples,
          more: one.open ? `${count(one.open)} undecided` : "all decided",
        }))} />`}
    ${findings.length > SHOWN && html`<p class="small quiet">and ${counted(findings.length - SHOWN, "rarer one")}</p>`}
  </section>`;
}
