// Which modality the pages show, where a workspace has several: one choice for all pages.

import { html, signal, useEffect } from "#/html.js";
import { api } from "#/api.js";
import { handBack } from "#/keymap.js";
import { route, setParams } from "#/router.js";

const CHOSEN = "truing.modality";
const FIRST = "speech";
const TITLES = { speech: "Speech", lipreading: "Lip-reading", image_edit: "Image edits" };
/** Who asks again within this time is given what is known. */
const FRESH_MS = 10_000;

/** What the server knows: `name`, `in_use`, `champion`; null until it has told. */
const kinds = signal(null);
const chosen = signal(localStorage.getItem(CHOSEN));
let askedAt = -FRESH_MS;

/** A modality's name for people. */
export const modalityTitle = (name) => TITLES[name] ?? name.replaceAll("_", " ");
/** Modalities in which nobody speaks. */
const SILENT = ["image_edit"];
const SPOKEN_NAMES = { silent: false, person: "Speaker", captured: "Recorded", medium: "recording" };
const SILENT_NAMES = { silent: true, person: "Person", captured: "Captured", medium: "pictures" };

/** What whom a sample is of, when it came to be and what it is made of are called. */
export const namesOf = (modality) => (SILENT.includes(modality) ? SILENT_NAMES : SPOKEN_NAMES);

/** The same where one word must do for all that a workspace holds. */
export function useNames() {
  useKinds();
  const used = inUse();
  return used.length && used.every((name) => SILENT.includes(name)) ? SILENT_NAMES : SPOKEN_NAMES;
}

function useKinds() {
  useEffect(() => {
    if (performance.now() - askedAt < FRESH_MS) return;
    askedAt = performance.now();
    // Who is not told goes on with what was chosen.
    api.get("/api/modalities").then(({ items }) => (kinds.value = items), () => {});
  }, []);
}

/**
 * The modality to show: the one in the address, the one chosen before, or the one there is.
 * @returns {string}
 */
export function useModality() {
  useKinds();
  const asked = route.value.params.get("modality");
  if (asked) return asked;
  const used = inUse();
  if (!used.length || used.includes(chosen.value)) return chosen.value ?? FIRST;
  return used.includes(FIRST) ? FIRST : used[0];
}

const inUse = () => (kinds.value ?? []).filter((kind) => kind.in_use).map((kind) => kind.name);

/** What can be switched to: what is in use here, and what is asked for. */
export function offered(now) {
  return [...new Set([...inUse(), now])].sort();
}

/** Chooses for this page and those after it. */
export function choose(name) {
  chosen.value = name;
  localStorage.setItem(CHOSEN, name);
  if (route.value.params.has("modality")) setParams({ modality: null });
}

function picked(event, pick) {
  handBack(event);
  pick();
}

/**
 * Nothing where there is nothing to choose.
 * @param {{value: string, options?: string[], titles?: Record<string, string>, onChange?: (name: string) => void, disabled?: boolean}} props
 */
export function ModalitySwitch({ value, options = offered(value), titles = {}, onChange = choose, disabled = false }) {
  if (options.length < 2) return null;
  return html`<div class="segments modality-switch" role="group" aria-label="Kind of samples">
    ${options.map((name) => html`<button type="button" key=${name} aria-pressed=${String(name === value)} disabled=${disabled && name !== value}
      onClick=${(event) => picked(event, () => name !== value && onChange(name))}>${titles[name] ?? modalityTitle(name)}</button>`)}
  </div>`;
}
