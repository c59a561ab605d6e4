// What models said of a sample, one line each, compared with the text that is being written.

import { html } from "#/html.js";
import { WordDiff } from "#/components/word_diff.js";
import { percent } from "#/format.js";
import { wordsOf } from "#/panels.js";

const MOST = 9;

/** Every reading once: heard, corrected, alternatives; at most as many as there are number keys. */
export function proposalsOf(sample) {
  const said = [...sample.predictions].reverse();
  const names = wordsOf(sample.modality);
  const recognized = said.filter((one) => one.kind === "recognizer");
  const found = [
    ...recognized.map((one) => ({ ...one, title: names.raw })),
    ...said.filter((one) => one.kind === "corrector").map((one) => ({ ...one, title: names.corrected })),
    ...recognized.flatMap((one) => one.alternatives.map((other) => ({ ...other, model: one.model, title: "Or" }))),
  ];
  const texts = new Set();
  const once = found.filter((one) => {
    const text = one.text.trim();
    const isNew = text && !(one.title === "Or" && texts.has(text));
    texts.add(text);
    return isNew;
  });
  return once.slice(0, MOST);
}

/** @param {{sample: any, text: string, onTake: (text: string) => void}} props */
export function Proposals({ sample, text, onTake }) {
  const lines = proposalsOf(sample);
  const names = wordsOf(sample.modality);
  if (!lines.length) return html`<p class="quiet">${names.nothing}</p>`;
  return html`<ol class="proposals" aria-label=${names.readings}>
    ${lines.map((line, at) => html`<${Line} key=${`${at} ${line.text}`} number=${at + 1} line=${line} text=${text} onTake=${onTake} />`)}
  </ol>`;
}

function Line({ number, line, text, onTake }) {
  const same = line.text.trim() === text.trim();
  const sure = line.confidence === null || line.confidence === undefined ? null : percent(line.confidence, 0);
  return html`<li>
    <button class="proposal" title="Take this text (${number})" aria-pressed=${same ? "true" : "false"} onClick=${() => onTake(line.text)}>
      <kbd>${number}</kbd>
      <span class="proposal-title" title=${line.model ?? ""}>${line.title}</span>
      <span class="proposal-text">${same ? line.text : html`<${WordDiff} before=${line.text} after=${text} />`}</span>
      <span class="proposal-end quiet small number">${same && html`<span class="good">✓ same</span> `}${sure}</span>
    </button>
  </li>`;
}
