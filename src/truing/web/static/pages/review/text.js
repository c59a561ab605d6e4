// The text being written for a sample: undo and redo, and a draft that survives a reload.

import { signal } from "#/html.js";
import { unsentFor } from "#/outbox.js";

const PREFIX = "truing.draft.";
const MOST_DRAFTS = 300;
const MOST_STEPS = 200;
/** Typing without a pause is one step of undo. */
const PAUSE_MS = 900;
const DRAFT_MS = 250;

/** What a model proposed: the correction, else what was heard. */
export const proposalOf = (sample) => sample.corrected ?? sample.raw;

/** The text that stands before anybody types: the truth, else what was proposed. */
export const standing = (sample) => sample.truth ?? proposalOf(sample) ?? "";

/**
 * The text of a sample with its steps. `value` is a signal; `restored` tells that a draft was found.
 */
export function openText(sample) {
  const draft = draftOf(sample.uid);
  const unsent = unsentFor(sample.id)?.body.truth;
  const base = unsent ?? standing(sample);
  const begun = draft !== null && draft !== base ? draft : base;
  return new Text(sample.uid, base, begun);
}

class Text {
  constructor(uid, base, begun) {
    this.uid = uid;
    this.base = base;
    this.value = signal(begun);
    this.restored = signal(begun !== base);
    this.undone = signal([]);
    this.done = signal(begun === base ? [] : [base]);
    this.typedAt = -Infinity;
    this.timer = 0;
  }

  get isChanged() {
    return this.value.value.trim() !== this.base.trim();
  }

  /** Sets the text; steps of typing are put together. */
  set(text, { typing = false, now = performance.now() } = {}) {
    if (text === this.value.value) return;
    const goesOn = typing && now - this.typedAt < PAUSE_MS;
    if (!goesOn) this.done.value = [...this.done.value.slice(-MOST_STEPS), this.value.value];
    this.typedAt = typing ? now : -Infinity;
    this.undone.value = [];
    this.#put(text);
  }

  undo() {
    this.#step(this.done, this.undone);
  }

  redo() {
    this.#step(this.undone, this.done);
  }

  /** Back to the text that stands. */
  reset() {
    this.set(this.base);
    this.restored.value = false;
  }

  /** The text was saved, or another one stands now. */
  settle(base) {
    const untouched = !this.isChanged;
    this.base = base;
    this.restored.value = false;
    if (untouched && this.value.value !== base) this.value.value = base;
    this.#keep();
  }

  #step(from, to) {
    if (!from.value.length) return;
    to.value = [...to.value, this.value.value];
    const text = from.value.at(-1);
    from.value = from.value.slice(0, -1);
    this.typedAt = -Infinity;
    this.#put(text);
  }

  #put(text) {
    this.value.value = text;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#keep(), DRAFT_MS);
  }

  #keep() {
    clearTimeout(this.timer);
    const name = PREFIX + this.uid;
    if (!this.isChanged) {
      localStorage.removeItem(name);
      return;
    }
    try {
      localStorage.setItem(name, JSON.stringify({ text: this.value.value, at: Date.now() }));
    } catch {
      // A full storage costs the draft, not the text that is being written.
      return;
    }
    prune();
  }

  /** Writes the draft now: the page is going away. */
  flush() {
    this.#keep();
  }
}

function draftOf(uid) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + uid) ?? "null")?.text ?? null;
  } catch {
    return null;
  }
}

/** Keeps the newest drafts only. */
function prune() {
  const names = Object.keys(localStorage).filter((name) => name.startsWith(PREFIX));
  if (names.length <= MOST_DRAFTS) return;
  const age = (name) => {
    try {
      return JSON.parse(localStorage.getItem(name) ?? "{}").at ?? 0;
    } catch {
      return 0;
    }
  };
  names.sort((one, other) => age(one) - age(other));
  for (const name of names.slice(0, names.length - MOST_DRAFTS)) localStorage.removeItem(name);
}
