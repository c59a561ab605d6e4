// What the gate says of a candidate: its sentence, and the figures behind it.

import { html } from "#/html.js";
import { percent } from "#/format.js";
import { DatasetName, ModelName, isOwn } from "#/pages/models/names.js";
import { Interval, chance, points, scaleOf } from "#/pages/models/interval.js";
import { titleOf } from "#/pages/models/measures.js";

const REASONS = {
  better: ["proven better", "good"],
  "not-better": ["not better", "bad"],
  "not-proven": ["not proven", "warn"],
  "not-provable": ["not provable", "warn"],
  tainted: ["trained on forgotten data", "bad"],
  forgets: ["forgets", "bad"],
  "not-judged": ["not judged", "warn"],
};

/** @param {{verdict: any}} props a gate's verdict as the API tells it */
export function Verdict({ verdict }) {
  const [word, kind] = REASONS[verdict.reason] ?? [verdict.reason, ""];
  return html`<div class="verdict stack" data-passed=${verdict.passed ? "yes" : "no"}>
    <p class="row"><span class="chip ${kind}">${word}</span> <span>${marked(withoutWord(verdict.sentence))}</span></p>
    ${verdict.reason === "not-provable" && isOwn(verdict.rival) && html`<p><a href="/models/compare?first=${encodeURIComponent(verdict.rival)}&second=${encodeURIComponent(verdict.candidate)}&dataset=${encodeURIComponent(verdict.dataset)}">See their pictures side by side, and choose</a></p>`}
    ${verdict.hint && html`<p class="quiet small">${marked(verdict.hint)}</p>`}
    <dl class="facts">${factsOf(verdict).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
  </div>`;
}

/** The sentence without the word that the chip before it says. */
const withoutWord = (sentence) => sentence.replace(/^(better|not better|not proven|not provable|forgets|not judged): /, "");

/** A text in which `names` stand between backticks. */
export const marked = (text) => text.split("`").map((part, at) => (at % 2 ? html`<code>${part}</code>` : part));

function factsOf(verdict) {
  const metric = titleOf(verdict.metric ?? "figure");
  const people = verdict.metric === "preferred";
  const known = (value) => value !== null && value !== undefined;
  return [
    known(verdict.rival) && ["Compared with", html`<${ModelName} name=${verdict.rival} />`],
    known(verdict.dataset) && ["On the test rows of", html`<${DatasetName} name=${verdict.dataset} /> <span class="quiet small number">${verdict.rows} ${people ? "choices" : "rows"}</span>`],
    known(verdict.value_after) && [metric, html`<span class="number">${percent(verdict.value_before)} → <b>${percent(verdict.value_after)}</b></span>`],
    known(verdict.difference) && ["Difference, points", html`<${Interval} value=${verdict.difference} ci=${verdict.ci} format=${points} mark=${0} scale=${scaleOf([{ value: verdict.difference, ci: verdict.ci }], 0)} />`],
    known(verdict.p_value) && ["p, one-sided", html`<span class="number">${chance(verdict.p_value)}</span> <span class="quiet small number">must be below ${chance(verdict.alpha_used)}, candidate no. ${verdict.trial} on this test set</span>`],
    known(verdict.baseline_value) && ["Trivial baseline", html`<span class="number">${percent(verdict.baseline_value)}</span> <span class="quiet small">${verdict.baseline}</span>`],
    known(verdict.retention_after) && ["On the general set", html`<span class="number">${percent(verdict.retention_before)} → ${percent(verdict.retention_after)}</span>`],
    known(verdict.more_needed) && ["Would prove it", html`<span class="number">about ${verdict.more_needed.toLocaleString()} more ${people ? "choices" : "random reviews"}</span>`],
  ].filter(Boolean);
}
