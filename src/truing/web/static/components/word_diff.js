// What differs between two texts, word by word: taken away, put in, or the same.

import { diffArrays } from "diff";
import { html, useMemo } from "#/html.js";

// Scripts that put no spaces between words are compared sign by sign.
const UNSPACED = "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}";
const WORD = new RegExp(`[${UNSPACED}]|[^\\s${UNSPACED}]+`, "gu");
const MARKS = { same: "span", out: "del", in: "ins" };

/** The words of a text, each with what stands between it and the next. */
function tokens(text) {
  const found = [...text.matchAll(WORD)];
  return found.map((one, at) => {
    const end = one.index + one[0].length;
    return { text: one[0], gap: at + 1 < found.length && found[at + 1].index > end ? " " : "" };
  });
}

/** The words of a text. */
export const wordsOf = (text) => tokens(text).map((token) => token.text);

/**
 * What turns one text into another.
 * @param {string} before
 * @param {string} after
 * @returns {{kind: "same"|"out"|"in", text: string}[]} runs in reading order
 */
export function wordDiff(before, after) {
  const changes = diffArrays(tokens(before), tokens(after), { comparator: (one, other) => one.text === other.text });
  return changes.map((change) => ({
    kind: change.removed ? "out" : change.added ? "in" : "same",
    text: change.value.map((token) => token.text + token.gap).join("").trimEnd(),
  }));
}

/** How many words were taken away, and how many put in. */
export function changedWords(before, after) {
  const counts = { out: 0, in: 0 };
  for (const { kind, text } of wordDiff(before, after)) {
    if (kind !== "same") counts[kind] += wordsOf(text).length;
  }
  return counts;
}

/**
 * Both texts in one line: crossed out is what only `before` has, underlined what only `after` has.
 * @param {{before: string|null, after: string|null}} props
 */
export function WordDiff({ before, after }) {
  const runs = useMemo(() => wordDiff(before ?? "", after ?? ""), [before, after]);
  if (!runs.length) return html`<span class="quiet">no text</span>`;
  return html`<span class="word-diff">
    ${runs.map((run, at) => {
      const kind = run.kind === "same" ? undefined : `diff-${run.kind}`;
      return html`${at > 0 && " "}<${MARKS[run.kind]} class=${kind}>${run.text}<//>`;
    })}
  </span>`;
}
