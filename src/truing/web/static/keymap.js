// The keys: one table drives the handler, the overlay on `?` and remapping.
//
// An action has a name, what it does in words, its default keys and where it counts. Pages give
// handlers for actions with `useKeys`; nothing else listens to the keyboard for commands.

import { computed, signal, useEffect } from "#/html.js";

/**
 * `where`: `page` counts outside of text fields, `editor` inside, `both` everywhere.
 * A modality's panel adds rows of its own with `addKeys`.
 * @typedef {{id: string, group: string, what: string, keys: string[], where: "page"|"editor"|"both"}} Action
 */

/** @type {Action[]} */
const TABLE = [
  { id: "help", group: "Everywhere", what: "show the keys", keys: ["?"], where: "page" },
  { id: "go.home", group: "Everywhere", what: "go to Home", keys: ["g h"], where: "page" },
  { id: "go.review", group: "Everywhere", what: "go to Review", keys: ["g r"], where: "page" },
  { id: "go.samples", group: "Everywhere", what: "go to Samples", keys: ["g s"], where: "page" },
  { id: "go.record", group: "Everywhere", what: "go to Record", keys: ["g c"], where: "page" },
  { id: "go.train", group: "Everywhere", what: "go to Train", keys: ["g t"], where: "page" },
  { id: "go.models", group: "Everywhere", what: "go to Models", keys: ["g m"], where: "page" },
  { id: "go.datasets", group: "Everywhere", what: "go to Datasets", keys: ["g d"], where: "page" },
  { id: "go.training_data", group: "Everywhere", what: "go to Training data", keys: ["g a"], where: "page" },
  { id: "go.storage", group: "Everywhere", what: "go to Storage", keys: ["g o"], where: "page" },
  { id: "undo", group: "Everywhere", what: "undo the last decision", keys: ["u"], where: "page" },
];

const STORED = "truing.keys";
const OFF = "truing.single-keys-off";

const actions = signal(TABLE);
/** Keys that a person has chosen: action -> keys. */
export const remapped = signal(stored());
/** Whether keys without Ctrl, Alt or Meta are off (WCAG 2.1.4). */
export const singleKeysOff = signal(localStorage.getItem(OFF) === "1");

/** The table as it counts now, remapping included. */
export const keymap = computed(() =>
  actions.value.map((action) => ({ ...action, keys: remapped.value[action.id] ?? action.keys })),
);

const handlers = new Map();
let pending = "";
let pendingTimer = 0;

function stored() {
  try {
    const told = JSON.parse(localStorage.getItem(STORED) ?? "{}");
    return told && typeof told === "object" ? told : {};
  } catch {
    return {};
  }
}

/** Adds rows to the table; an action that is there already is left as it is. */
export function addKeys(rows) {
  const known = new Set(actions.value.map((action) => action.id));
  const fresh = rows.filter((row) => !known.has(row.id));
  if (fresh.length) actions.value = [...actions.value, ...fresh];
}

/** Gives an action other keys; null gives back the default. */
export function remap(id, keys) {
  const next = { ...remapped.value };
  if (keys === null) delete next[id];
  else next[id] = keys;
  remapped.value = next;
  localStorage.setItem(STORED, JSON.stringify(next));
}

/** Turns keys without a modifier off or on. */
export function setSingleKeysOff(off) {
  singleKeysOff.value = off;
  localStorage.setItem(OFF, off ? "1" : "0");
}

/** After a click of the mouse the keys belong to the page again, not to the button. */
export function handBack(event) {
  if (event.detail > 0) event.target.closest("button")?.blur();
}

/** Handlers by action id for as long as the component is shown. The newest one counts. */
export function useKeys(bound) {
  useEffect(() => {
    const entry = { bound };
    for (const id of Object.keys(bound)) handlers.set(id, [...(handlers.get(id) ?? []), entry]);
    return () => {
      for (const id of Object.keys(bound)) {
        handlers.set(id, (handlers.get(id) ?? []).filter((one) => one !== entry));
      }
    };
  });
}

/** How a key press is written: `Ctrl+Enter`, `Shift+ArrowLeft`, `?`, `a`, `Space`. */
export function written(event) {
  const name = event.key === " " ? "Space" : event.key;
  const parts = [];
  if (event.ctrlKey) parts.push("Ctrl");
  if (event.metaKey) parts.push("Meta");
  if (event.altKey) parts.push("Alt");
  // A shifted character is written as what it types, unless it belongs to a chord.
  if (event.shiftKey && (name.length > 1 || parts.length)) parts.push("Shift");
  parts.push(name.length === 1 && (event.ctrlKey || event.altKey || event.metaKey) ? name.toLowerCase() : name);
  return parts.join("+");
}

/** What is drawn on a key cap. */
export function shown(keys) {
  const mac = /Mac|iP/.test(navigator.platform);
  return keys
    .replace("Meta", mac ? "⌘" : "Win")
    .replace("ArrowLeft", "←")
    .replace("ArrowRight", "→")
    .replace("ArrowUp", "↑")
    .replace("ArrowDown", "↓");
}

/** The keys of an action as one text for a button's title; empty when it has none. */
export function keysOf(id) {
  const action = keymap.value.find((one) => one.id === id);
  return action?.keys.length ? shown(action.keys[0]) : "";
}

function inText(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement) return true;
  if (target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !["checkbox", "radio", "range", "button", "submit"].includes(target.type);
}

/** Space and Enter belong to the button, link or switch that has the focus. */
function ownKey(target, pressed) {
  if (!(target instanceof Element)) return false;
  if (pressed === "Space" || pressed === "Enter") {
    return Boolean(target.closest("button, summary, [role=button], input[type=checkbox], input[type=radio]")) ||
      (pressed === "Enter" && Boolean(target.closest("a[href]")));
  }
  return pressed.startsWith("Arrow") && Boolean(target.closest("input, select, [role=slider], [role=tablist], [role=listbox]"));
}

function pressedKey(event) {
  if (event.isComposing || event.defaultPrevented || event.key === "Shift" || event.key === "Control") return;
  const pressed = written(event);
  const editing = inText(event.target);
  if (document.querySelector("dialog[open]")) return;
  if (!editing && ownKey(event.target, pressed)) return;
  const counts = keymap.value.filter((action) => boundTo(action) && isMeant(action, pressed, editing));
  const has = (keys) => counts.find((action) => action.keys.includes(keys));
  // A second key belongs to the first, whatever it does alone.
  const action = (pending && has(`${pending} ${pressed}`)) || has(pressed);
  if (action) {
    forgetPending();
    event.preventDefault();
    boundTo(action)(event);
  } else if (!editing && !pending && counts.some(({ keys }) => keys.some((one) => one.startsWith(`${pressed} `)))) {
    pending = pressed;
    clearTimeout(pendingTimer);
    pendingTimer = setTimeout(forgetPending, 900);
  } else {
    forgetPending();
  }
}

const boundTo = (action) => handlers.get(action.id)?.at(-1)?.bound[action.id];

/** Whether an action counts where the key was pressed. */
function isMeant(action, pressed, editing) {
  if (editing ? action.where === "page" : action.where === "editor") return false;
  return !(pressed.length === 1 && singleKeysOff.value && action.id !== "help");
}

function forgetPending() {
  pending = "";
  clearTimeout(pendingTimer);
}

document.addEventListener("keydown", pressedKey);
