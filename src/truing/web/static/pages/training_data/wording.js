// How varied the texts are: what is asked for most, and the words it is asked with.

import { html } from "#/html.js";
import { address } from "#/api.js";
import { count, counted, percent } from "#/format.js";
import { Bars } from "#/pages/training_data/bars.js";

export function Wording({ data, words, of }) {
  const { texts } = data;
  if (!texts.distinct) {
    return html`<section class="card" id="wording"><h2>${words.wording}</h2>
      <p class="quiet">None of them has ${words.text === "instruction" ? "an instruction" : "a text"} yet.</p></section>`;
  }
  const facts = [
    [words.distinct, count(texts.distinct)],
    [`For each 100 ${words.samples.toLowerCase()}`, count(Math.round(texts.share_distinct * 100))],
    ["Groups of near-equal ones", count(texts.clusters)],
    ["In the largest group", percent(texts.share_largest, 0)],
  ];
  return html`<section class="card stack" id="wording" aria-labelledby="wording-title">
    <div class="row between"><h2 id="wording-title">${words.wording}</h2></div>
    <dl class="spread">${facts.map(([label, value]) => html`<div key=${label}><dt class="figure-label">${label}</dt><dd class="spread-value">${value}</dd></div>`)}</dl>
    <div class="halves">
      <section class="stack" aria-labelledby="clusters-title">
        <h3 id="clusters-title">Most frequent ${words.texts.toLowerCase()}</h3>
        <${Bars} rows=${texts.most_frequent.map((one) => ({
          key: one.text, label: one.text, href: address("/samples", { ...of, text: searched(one.text) }), value: one.samples,
          more: one.texts > 1 ? `in ${counted(one.texts, "wording")}` : "",
        }))} />
        <p class="small quiet">Near-equal ones are one group: those that differ in case, punctuation, order, plural, or words like “please” and “the picture”.</p>
      </section>
      <section class="stack" aria-labelledby="words-title">
        <h3 id="words-title">Most frequent words</h3>
        <${Words} words=${texts.words} of=${of} noun=${words.samples.toLowerCase()} />
      </section>
    </div>
  </section>`;
}

/** What the search finds a text by: its words. */
const searched = (text) => (text.match(/[\p{L}\p{N}]+/gu) ?? []).slice(0, 12).join(" ");

/** Words as large as they are frequent; the number stands beside each. */
function Words({ words, of, noun }) {
  const most = words[0]?.samples ?? 1;
  const sorted = [...words].sort((one, other) => one.word.localeCompare(other.word));
  return html`<ul class="words-cloud">
    ${sorted.map(({ word, samples }) => html`<li key=${word}>
      <a href=${address("/samples", { ...of, text: word })} style=${{ "--weight": Math.sqrt(samples / most) }} title=${`in ${count(samples)} ${noun}`}>${word}</a><span class="small quiet number">${count(samples)}</span>
    </li>`)}
  </ul>`;
}
