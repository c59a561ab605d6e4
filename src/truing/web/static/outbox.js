// The outbox: what a person decided, kept in this browser until the server has it.
//
// Each entry is a row of its own in localStorage, so that tabs never write over each other and a
// reload loses nothing. One tab at a time sends, oldest first; an entry that the server refused, or
// that somebody overtook, waits for the person. Sending twice does no harm: a refusal that finds
// things as they were wanted counts as sent.

import { computed, signal } from "#/html.js";
import { api, ApiError } from "#/api.js";
import { unsent } from "#/shell.js";

/**
 * `kind` is review, undo, delete or restore; `sample` and `uid` name what it is about; `problem`
 * tells why it waits, `theirs` is the sample as it stands now when somebody overtook it.
 * @typedef {{key: string, kind: string, sample: number, uid?: string, body?: any, revision?: number,
 *   problem?: string, hint?: string|null, theirs?: any}} Entry
 */

const PREFIX = "truing.outbox.";
const WAITS = [1, 2, 4, 8, 15, 30];
const born = Date.now();

/** Entries that no storage could hold; they live as long as the page. */
const unstored = new Map();
const waiting = new Map();
const channel = new BroadcastChannel("truing.outbox");
const checked = new Set();

/** @type {import("@preact/signals").Signal<Entry[]>} */
const entries = signal([]);
/** Entries that wait for the person: refused, or overtaken. */
export const held = computed(() => entries.value.filter((entry) => entry.problem));

let turn = 0;
let failures = 0;
let timer = 0;
let sending = false;
let inFlight = null;

/**
 * Keeps an entry and sends it as soon as may be.
 * @param {Omit<Entry, "key">} what
 * @returns {{key: string, done: Promise<any>}} `done` gives the server's answer; it is rejected when
 *   the entry is refused or taken back
 */
export function post(what) {
  const entry = { ...what, key: `${PREFIX}${Date.now()}.${born}.${String(++turn).padStart(6, "0")}` };
  const done = new Promise((resolve, reject) => waiting.set(entry.key, { resolve, reject }));
  done.catch(() => {});
  keep(entry);
  look();
  void drain();
  return { key: entry.key, done };
}

/** Takes an entry back; false when it was sent already or is on its way. */
export function withdraw(key) {
  const entry = entries.value.find((one) => one.key === key);
  if (!entry || entry.key === inFlight) return false;
  drop(entry.key);
  settle(entry.key, null, new ApiError(0, { code: "withdrawn", message: "taken back", hint: null }));
  return true;
}

/** Sends an entry that waits for the person again, with changes. */
export function again(key, changes = {}) {
  const entry = entries.value.find((one) => one.key === key);
  if (!entry) return;
  const { problem, hint, theirs, ...rest } = entry;
  keep({ ...rest, ...changes });
  look();
  void drain();
}

/** The newest text this browser has for a sample but the server has not; null when there is none. */
export function unsentFor(sample) {
  return entries.value.findLast((entry) => entry.sample === sample && entry.kind === "review") ?? null;
}

function keep(entry) {
  try {
    localStorage.setItem(entry.key, JSON.stringify(entry));
    unstored.delete(entry.key);
  } catch {
    unstored.set(entry.key, entry);
  }
}

function drop(key) {
  localStorage.removeItem(key);
  unstored.delete(key);
  look();
}

/** Reads all entries anew, those of other tabs too. */
function look() {
  const found = [...unstored.values()];
  for (let at = 0; at < localStorage.length; at += 1) {
    const key = localStorage.key(at);
    if (!key?.startsWith(PREFIX)) continue;
    const entry = read(key);
    if (entry) found.push(entry);
  }
  entries.value = found.sort((one, other) => (one.key < other.key ? -1 : 1));
  unsent.value = found.length;
}

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    localStorage.removeItem(key);
    return null;
  }
}

/** Sends what can be sent; only one tab at a time where the browser can tell. */
async function drain() {
  if (sending) return;
  sending = true;
  clearTimeout(timer);
  try {
    const passed = navigator.locks ? await navigator.locks.request("truing.outbox", pass) : await pass();
    failures = passed ? 0 : failures + 1;
  } finally {
    sending = false;
  }
  if (failures) timer = setTimeout(drain, WAITS[Math.min(failures, WAITS.length) - 1] * 1000);
  else if (sendable()) void drain();
}

/** The oldest entry that nothing holds up. */
function sendable() {
  const blocked = new Set(held.value.map((entry) => entry.sample));
  return entries.value.find((entry) => !entry.problem && !blocked.has(entry.sample));
}

/** One pass over the entries; false when the server is away. */
async function pass() {
  look();
  for (;;) {
    const entry = sendable();
    if (!entry) return true;
    inFlight = entry.key;
    try {
      const answer = await send(entry);
      finish(entry, answer);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.passing || error.status === 401) return false;
      refuse(entry, error);
    } finally {
      inFlight = null;
    }
  }
}

async function send(entry) {
  if (!entry.key.includes(`.${born}.`)) await sameWorkspace(entry);
  switch (entry.kind) {
    case "review":
      return api.post(`/api/samples/${entry.sample}/review`, entry.body);
    case "undo":
      return api.post(`/api/revisions/${entry.revision}/undo`);
    case "delete":
      return api.delete(`/api/samples/${entry.sample}`);
    default:
      return api.post(`/api/samples/${entry.sample}/restore`);
  }
}

/** After a reload another workspace may be served at this address: its sample 7 is another one. */
async function sameWorkspace(entry) {
  if (!entry.uid || checked.has(entry.uid)) return;
  const found = await api.get(`/api/samples/${entry.sample}`);
  if (found.uid !== entry.uid) {
    const message = `sample ${entry.sample} here is not the one that was reviewed`;
    throw new ApiError(409, { code: "other_workspace", message, hint: "serve the workspace it belongs to, or discard it" });
  }
  checked.add(entry.uid);
}

function finish(entry, answer) {
  const revision = answer?.sample?.revision ?? answer?.revision?.revision;
  if (entry.kind === "review" && revision !== undefined) followOn(entry, revision);
  drop(entry.key);
  settle(entry.key, answer);
}

/** Later decisions on the same sample were taken knowing this one. */
function followOn(entry, revision) {
  for (const later of entries.value) {
    if (later.sample !== entry.sample || later.kind !== "review" || later.key <= entry.key || later.problem) continue;
    keep({ ...later, body: { ...later.body, expected: revision } });
  }
}

function refuse(entry, error) {
  const theirs = error.status === 409 ? (error.body?.sample ?? null) : null;
  if (theirs && entry.kind === "review" && asWanted(entry.body, theirs)) {
    finish(entry, { sample: theirs, revision: null });
    return;
  }
  if (entry.kind === "undo" && error.status === 409) {
    finish(entry, null);
    return;
  }
  keep({ ...entry, problem: error.message, hint: error.hint, theirs });
  look();
  settle(entry.key, null, error);
}

function asWanted(body, theirs) {
  const wanted = body.truth?.trim() ?? null;
  if (body.verdict === "rejected" || body.verdict === "skipped") return theirs.state === body.verdict;
  return wanted !== null && theirs.truth === wanted && ["accepted", "corrected"].includes(theirs.state);
}

/** Tells who waits for an entry, in this tab and in others. */
function settle(key, answer, error = null) {
  channel.postMessage({ key, answer, error: error && { status: error.status, code: error.code, message: error.message, hint: error.hint } });
  told(key, answer, error);
}

function told(key, answer, error) {
  const one = waiting.get(key);
  if (!one) return;
  waiting.delete(key);
  if (error) one.reject(error);
  else one.resolve(answer);
}

channel.onmessage = ({ data }) => {
  look();
  told(data.key, data.answer, data.error && new ApiError(data.error.status, data.error));
};
window.addEventListener("storage", (event) => {
  if (event.key === null || event.key.startsWith(PREFIX)) look();
});
window.addEventListener("online", () => {
  failures = 0;
  void drain();
});
look();
if (entries.value.length) void drain();
