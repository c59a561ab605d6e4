// What is reviewed: where the person is, what was seen before, and what comes next, fetched ahead.

import { signal } from "#/html.js";
import { api } from "#/api.js";
import { unsentFor } from "#/outbox.js";
import { panelOf } from "#/panels.js";
import { unsent } from "#/shell.js";
import { toast } from "#/toast.js";
import { openText, standing } from "#/pages/review/text.js";

/** Items that are fetched with their sound before they are shown. */
const AHEAD = 3;
/** An even number: the mixed queue gives one by chance and one that teaches, in turn. */
const BATCH = 4;
const MOST_EXCLUDED = 200;
const KEPT_ASSETS = 6;
const PLACE = "truing.review.place";
const UNDECIDED = ["pending", "skipped"];
const DECIDED = ["accepted", "corrected", "rejected", "trashed"];

/** The item that is shown: null before the first, and when nothing is left. */
export const current = signal(null);
/** Samples by state; `reviewed` and `total` among them. */
export const counts = signal(null);
/** Nothing is left in the queue. */
export const ended = signal(false);
/** What went wrong when fetching the next. */
export const problem = signal(null);

let seen = [];
let ahead = [];
let filter = {};
let turn = 0;
/** The turn in which the next item is waited for. */
let moving = 0;
let filling = null;
let exhausted = false;
let cursor = null;
/** Decisions so far. */
let decided = 0;
const passed = new Set();

/**
 * A sample on the page: what is known of it, its asset once fetched, and the text being written.
 * @typedef {{sample: any, because: string, asset: any, problem: any, panel: any, text: any,
 *   effort: {seconds: number, keys: number}, gone: boolean}} Item  `sample`, `asset` and `problem` are signals
 */
function itemOf(sample, because) {
  return {
    sample: signal(sample),
    because,
    asset: signal(null),
    problem: signal(null),
    panel: null,
    loading: null,
    text: openText(sample),
    effort: { seconds: 0, keys: 0 },
    gone: false,
  };
}

export const isUndecided = (item) => UNDECIDED.includes(item.sample.value.state);

/**
 * Begins anew with a filter. First comes the sample that is asked for by its number, or, when
 * nothing is filtered, the one this tab was at.
 */
export async function begin(nextFilter, wanted = null) {
  const mine = ++turn;
  filter = nextFilter;
  for (const item of [...ahead, ...seen]) free(item);
  [ahead, seen, exhausted, filling, cursor] = [[], [], false, null, null];
  passed.clear();
  leave();
  problem.value = null;
  const place = wanted || Object.keys(filter).length ? null : storedPlace();
  try {
    if (wanted) await jump(wanted);
    else if (place) await resume(place, mine);
  } catch (error) {
    if (mine === turn) problem.value = error;
    return;
  }
  if (mine === turn && !current.value) await forward();
}

async function resume(place, mine) {
  try {
    const sample = await api.get(`/api/samples/${place.id}`);
    const same = sample.uid === place.uid && UNDECIDED.includes(sample.state) && !unsentFor(sample.id);
    if (mine === turn && same) show(itemOf(sample, place.because));
  } catch (error) {
    // Gone meanwhile: the queue goes on with another.
    if (error.status !== 404) throw error;
  }
}

function storedPlace() {
  try {
    return JSON.parse(sessionStorage.getItem(PLACE) ?? "null");
  } catch {
    return null;
  }
}

/** To the next item: one seen before, or the first of the queue. */
export async function forward() {
  const later = after(current.value)[0];
  return later ? go(later) : fresh();
}

/** To the next that nobody decided on. */
export async function forwardToUndecided() {
  const later = after(current.value).find(isUndecided);
  return later ? go(later) : fresh();
}

/** To the item before; false at the first. */
export function back() {
  const at = current.value ? seen.indexOf(current.value) : seen.length;
  const before = seen.slice(0, at).findLast((item) => !item.gone);
  if (before) go(before);
  return Boolean(before);
}

function after(item) {
  return item ? seen.slice(seen.indexOf(item) + 1).filter((one) => !one.gone) : [];
}

/** To a sample by its number. */
export async function jump(id) {
  const known = seen.find((item) => item.sample.value.id === id);
  if (known) return go(known);
  const mine = turn;
  const item = itemOf(await api.get(`/api/samples/${id}`), "direct");
  ahead = ahead.filter((one) => one.sample.value.id !== id);
  if (mine === turn) show(item);
}

/** An item that was shown, by its number. */
export const known = (id) => seen.find((item) => item.sample.value.id === id);

/** Whether the next item is being waited for: what is still shown is left behind. */
export const isMoving = () => moving === turn;

async function fresh() {
  if (isMoving()) return;
  const [mine, from] = [turn, current.value];
  moving = mine;
  if (!ahead.length) await fill();
  if (moving === mine) moving = 0;
  // The person may have gone elsewhere meanwhile.
  if (mine !== turn || from !== current.value) return;
  const item = ahead.shift();
  if (item) show(item);
  else leave(!problem.value);
}

function leave(isEnd = false) {
  current.value = null;
  ended.value = isEnd;
}

function show(item) {
  seen.push(item);
  passed.add(item.sample.value.id);
  go(item);
}

function go(item) {
  ended.value = false;
  problem.value = null;
  current.value = item;
  const { id, uid } = item.sample.value;
  sessionStorage.setItem(PLACE, JSON.stringify({ id, uid, because: item.because }));
  void load(item);
  whenIdle(prefetch);
}

/** Fetches what showing an item needs; an error stays with the item. */
export async function load(item) {
  if (item.asset.value || item.loading) return item.loading;
  item.problem.value = null;
  item.loading = (async () => {
    try {
      item.panel = await panelOf(item.sample.value.modality);
      item.asset.value = await item.panel.load(item.sample.value, {});
    } catch (error) {
      item.problem.value = error;
    } finally {
      item.loading = null;
    }
  })();
  return item.loading;
}

function free(item) {
  if (item.asset.value) item.panel.release(item.asset.value);
  item.asset.value = null;
}

async function prefetch() {
  const mine = turn;
  if (ahead.length < AHEAD) await fill();
  // An earlier question had failed and left the person waiting.
  if (mine === turn && !current.value && !ended.value && ahead.length) await fresh();
  const next = ahead[0];
  await Promise.all(ahead.slice(0, AHEAD).map(load));
  if (mine !== turn) return;
  if (next && next === ahead[0] && next.asset.value && current.value?.asset.value) next.panel.prepare?.(next.asset.value);
  const at = seen.indexOf(current.value);
  for (const [place, item] of seen.entries()) {
    if (item !== current.value && Math.abs(place - at) > KEPT_ASSETS) free(item);
  }
}

/** Asks the server for more; one question at a time. */
function fill() {
  if (exhausted) return Promise.resolve();
  filling ??= ask(turn).finally(() => (filling = null));
  return filling;
}

async function ask(mine) {
  const settled = unsent.value === 0 && decided;
  try {
    const answer = await (wantsDecided() ? askList() : askQueue());
    if (mine !== turn) return;
    problem.value = null;
    // While decisions are on their way the server counts without them.
    if (!counts.value || (unsent.value === 0 && settled === decided)) counts.value = answer.counts ?? counts.value;
    exhausted = answer.items.length < BATCH || (answer.listed && !cursor);
    for (const { sample, because } of answer.items) {
      if (!passed.has(sample.id) && !unsentFor(sample.id)) ahead.push(itemOf(sample, because));
    }
  } catch (error) {
    // With items at hand the work goes on; the next question tells.
    if (mine === turn && !ahead.length) problem.value = error;
  }
}

const wantsDecided = () => [filter.state ?? []].flat().some((state) => DECIDED.includes(state));

function askQueue() {
  const atHand = ahead.map((item) => item.sample.value.id);
  const exclude = [...atHand, ...[...passed].reverse()].slice(0, MOST_EXCLUDED);
  return api.get("/api/queue", { order: "mixed", ...filter, limit: BATCH, exclude });
}

/** The queue holds undecided samples only; those decided on come from the list, newest first. */
async function askList() {
  const page = await api.get("/api/samples", { ...filter, order: "newest", limit: BATCH, after: cursor });
  cursor = page.next;
  const found = await Promise.all(page.items.map(({ id }) => api.get(`/api/samples/${id}`)));
  const { counts: held } = await api.get("/api/queue", { limit: 1 });
  return { items: found.map((sample) => ({ sample, because: "newest" })), counts: held, listed: true };
}

/** Something has changed: more may have come, and what is shown may be outdated. */
export async function lookAgain({ ids } = {}) {
  exhausted = false;
  if (ended.value) await forward();
  const item = current.value;
  const id = item?.sample.value.id;
  if (!item || (ids && !ids.includes(id))) return;
  const sample = await api.get(`/api/samples/${id}`);
  // What this browser decided itself comes with the answer to it.
  if (unsentFor(id) || sample.revision <= item.sample.value.revision) return;
  if (item.text.isChanged) toast(`#${id} was decided by somebody else: ${sample.truth ?? sample.state}`);
  item.sample.value = sample;
  item.text.settle(standing(sample));
}

/** Counts a decision before the server does. */
export function count(before, after) {
  const held = counts.value;
  decided += 1;
  if (!held || before === after) return;
  const weight = (state) => (UNDECIDED.includes(state) ? 0 : 1);
  counts.value = {
    ...held,
    [before]: held[before] - 1,
    [after]: (held[after] ?? 0) + 1,
    reviewed: held.reviewed + weight(after) - weight(before),
  };
}

/** An item was deleted, or is back from the trash. */
export function setGone(item, gone) {
  item.gone = gone;
  decided += 1;
  const held = counts.value;
  if (held) counts.value = { ...held, total: held.total + (gone ? -1 : 1) };
}

function whenIdle(task) {
  if (window.requestIdleCallback) requestIdleCallback(() => void task(), { timeout: 1000 });
  else setTimeout(task, 30);
}
