// What the model heard, and the one question about it: was this correct?

import { html, useLayoutEffect, useRef, useState } from "#/html.js";
import { Icon } from "#/components/icon.js";
import { checkName } from "#/components/filters.js";
import { WordDiff } from "#/components/word_diff.js";
import { addKeys, keysOf, useKeys } from "#/keymap.js";
import { percent, seconds } from "#/format.js";

const SURE = 0.9;
const UNSURE = 0.6;
const MOST_READINGS = 9;

addKeys([
  { id: "record.yes", group: "Record", what: "yes, the text is right", keys: ["y"], where: "page" },
  { id: "record.edit", group: "Record", what: "edit the text", keys: ["e"], where: "page" },
  { id: "record.no", group: "Record", what: "no: type what was said", keys: ["n"], where: "page" },
  { id: "record.reject", group: "Record", what: "not usable", keys: ["x"], where: "page" },
  { id: "record.skip", group: "Record", what: "decide later", keys: ["s"], where: "page" },
  { id: "record.raw", group: "Record", what: "as it was heard, before the correction", keys: ["h"], where: "page" },
  { id: "record.play", group: "Record", what: "hear it again", keys: ["r"], where: "page" },
  { id: "record.save", group: "Record", what: "save what was typed", keys: ["Enter", "Ctrl+Enter"], where: "editor" },
  { id: "record.leave", group: "Record", what: "leave the text as it was", keys: ["Escape"], where: "editor" },
  ...Array.from({ length: MOST_READINGS }, (_, at) => ({
    id: `record.reading${at + 1}`,
    group: "Record",
    what: `take reading ${at + 1}`,
    keys: [String(at + 1)],
    where: "page",
  })),
]);

/** Words with their confidence: underlined the more, the less sure the model was. */
export function Words({ said, nothing }) {
  if (!said.text) return html`<span class="quiet">${nothing}</span>`;
  if (!said.words.length) return html`<span>${said.text}</span>`;
  return said.words.map((word, at) => {
    const sure = word.confidence ?? 1;
    const kind = sure >= SURE ? undefined : sure >= UNSURE ? "doubt" : "doubt strong";
    return html`<span key=${at}><span class=${kind} title="${percent(word.confidence, 0)} sure">${word.text}</span> </span>`;
  });
}

/**
 * One utterance. `onDecide(verdict, truth)` saves; without it there is nothing to ask.
 * `words` says how things are called for this kind of recording.
 * @param {{one: {said: any, way: any, url: string, state: string|null, truth: string|null}, words: any, onDecide: ((verdict: string, truth?: string) => void)|null}} props
 */
export function Heard({ one, words, onDecide }) {
  const { said } = one;
  // Where no model has answered, there is only one thing to say.
  const [draft, setDraft] = useState(onDecide && !said.model ? "" : null);
  const sound = useRef(null);
  const asks = Boolean(onDecide) && !one.state && draft === null;
  const corrected = said.correction?.text ?? null;
  const proposal = corrected ?? said.text;
  const take = (text) => onDecide(text === proposal ? "accepted" : "corrected", text);
  useKeys({
    ...(one.url ? { "record.play": () => replay(sound.current) } : {}),
    ...(asks ? askingKeys({ said, proposal, corrected, onDecide, take, setDraft }) : {}),
  });
  const film = one.way.role === "video";
  const box = useRef(null);
  // Below a picture the question is out of sight.
  useLayoutEffect(() => void (film && box.current.scrollIntoView({ block: "nearest" })), []);
  return html`<section ref=${box} class="card heard ${film ? "heard-film" : ""}" aria-live="polite" aria-label=${words.title}>
    ${said.model && html`<div>
      ${words.raw && html`<span class="heard-label">${words.raw}</span>`}
      <p class="heard-text" data-text=${said.text}><${Words} said=${said} nothing=${words.nothing} /></p>
    </div>`}
    <${Correction} said=${said} words=${words} />
    <${Facts} said=${said} words=${words} />
    ${one.findings?.length > 0 && html`<ul class="heard-findings small">${one.findings.map((found) => html`<li key=${found.check}><span class="chip warn">${checkName(found.check)}</span> ${found.reason}</li>`)}</ul>`}
    ${one.url && html`<${Again} one=${one} box=${sound} />`}
    ${draft !== null && html`<${Editor} draft=${draft} onLeave=${() => setDraft(null)} onSave=${(text) => { setDraft(null); take(text); }} />`}
    ${asks && html`<${Question} said=${said} words=${words} proposal=${proposal} corrected=${corrected} onDecide=${onDecide} take=${take} setDraft=${setDraft} />`}
    ${one.state && html`<p role="status"><${Verdict} one=${one} /></p>`}
  </section>`;
}

function askingKeys({ said, proposal, corrected, onDecide, take, setDraft }) {
  const readings = said.alternatives.slice(0, MOST_READINGS);
  return {
    ...(proposal ? { "record.yes": () => take(proposal) } : {}),
    ...(corrected ? { "record.raw": () => take(said.text) } : {}),
    "record.edit": () => setDraft(proposal),
    "record.no": () => setDraft(""),
    "record.reject": () => onDecide("rejected"),
    "record.skip": () => onDecide("skipped"),
    ...Object.fromEntries(readings.map((other, at) => [`record.reading${at + 1}`, () => take(other.text)])),
  };
}

/** The recording as it was made. */
function Again({ one, box }) {
  const told = { ref: box, key: one.url, src: one.url, controls: true, preload: "auto", "aria-label": "The recording", title: `Play it again (${keysOf("record.play")})` };
  return one.way.role === "video" ? html`<video ...${told} muted playsinline></video>` : html`<audio ...${told}></audio>`;
}

function replay(sound) {
  sound.currentTime = 0;
  // A browser may want a click first: then its own controls are there.
  sound.play().catch(() => sound.focus());
}

function Correction({ said, words }) {
  const told = said.correction;
  if (!told && said.correcting) return html`<p class="small quiet"><span class="chip">correcting…</span></p>`;
  if (!told) return null;
  if (told.text === null) {
    return html`<p class="small quiet"><span class="chip warn">no correction</span> ${told.problem}</p>`;
  }
  return html`<p class="heard-correction">
    <span class="chip accent" title=${told.model}>${words.correction}</span>
    ${told.text === said.text ? html`<span class="quiet">nothing to correct</span>` : html`<${WordDiff} before=${said.text} after=${told.text} />`}
  </p>`;
}

function Facts({ said, words }) {
  return html`<p class="row small quiet number">
    ${said.model && html`<span>${percent(said.confidence, 0)} sure</span>
    <span>${seconds(said.duration)} ${words.length}</span>
    <span>${said.model}</span>`}
    ${said.sample && html`<a href="/review/${said.sample}">sample ${said.sample}</a>`}
    ${said.not_kept && html`<span class="chip warn">not kept: ${said.not_kept}</span>`}
  </p>`;
}

function Question({ said, words, proposal, corrected, onDecide, take, setDraft }) {
  const readings = said.alternatives.slice(0, MOST_READINGS);
  return html`<div class="stack question">
    <h2>${corrected ? words.questionAgain : words.question}</h2>
    <div class="row">
      <${Choice} id="record.yes" icon="check" primary disabled=${!proposal} onClick=${() => take(proposal)}>Yes<//>
      ${corrected && corrected !== said.text && html`<${Choice} id="record.raw" icon="back" onClick=${() => take(said.text)}>${words.asIt}<//>`}
      <${Choice} id="record.edit" icon="edit" onClick=${() => setDraft(proposal)}>Edit<//>
      <${Choice} id="record.no" icon="cross" onClick=${() => setDraft("")}>No<//>
      <${Choice} id="record.reject" icon="trash" onClick=${() => onDecide("rejected")}>Not usable<//>
      <${Choice} id="record.skip" icon="skip" onClick=${() => onDecide("skipped")}>Later<//>
    </div>
    ${readings.length > 0 &&
    html`<div class="row readings" aria-label="Other readings">
      ${readings.map(
        (other, at) => html`<button class="compact" key=${at} title="${percent(other.confidence, 0)} sure" onClick=${() => take(other.text)}>
          <kbd>${at + 1}</kbd>${other.text}
        </button>`,
      )}
    </div>`}
  </div>`;
}

function Choice({ id, icon, primary = false, disabled = false, onClick, children }) {
  return html`<button class=${primary ? "primary" : ""} disabled=${disabled} onClick=${onClick}>
    ${icon && html`<${Icon} name=${icon} />`}${children}${keysOf(id) && html`<kbd aria-hidden="true">${keysOf(id)}</kbd>`}
  </button>`;
}

function Editor({ draft, onSave, onLeave }) {
  const [text, setText] = useState(draft);
  const box = useRef(null);
  const usable = text.trim().length > 0;
  // What stands in the box counts: a quick Enter comes before the last letter is drawn.
  const save = () => {
    const typed = box.current.value.trim();
    if (typed) onSave(typed);
  };
  // Before the next key is pressed: outside of the box, letters are commands.
  useLayoutEffect(() => {
    box.current.focus();
    box.current.setSelectionRange(text.length, text.length);
  }, []);
  useKeys({ "record.save": save, "record.leave": onLeave });
  return html`<div class="stack">
    <label class="field"><span>What was said</span>
      <textarea ref=${box} rows="2" maxlength="10000" value=${text} onInput=${(event) => setText(event.target.value)}></textarea>
    </label>
    <div class="row">
      <button class="primary" disabled=${!usable} onClick=${save}>Save<kbd aria-hidden="true">${keysOf("record.save")}</kbd></button>
      <button onClick=${onLeave}>Cancel<kbd aria-hidden="true">Esc</kbd></button>
    </div>
  </div>`;
}

const VERDICTS = {
  accepted: ["good", "was correct"],
  corrected: ["accent", "corrected"],
  rejected: ["bad", "not usable"],
  skipped: ["", "later"],
};

/** What was decided, in one chip, with the truth where it was corrected. */
export function Verdict({ one }) {
  const [kind, words] = VERDICTS[one.state] ?? ["", one.state];
  return html`<span class="chip ${kind}">${words}</span>${one.truth && html` <span>${one.truth}</span>`}`;
}
