// Decisions on the item that is shown: sent through the outbox, seen at once, taken back with one key.

import { signal } from "#/html.js";
import { api } from "#/api.js";
import { post, unsentFor, withdraw } from "#/outbox.js";
import { dismiss, toast, toastError } from "#/toast.js";
import { spent } from "#/pages/review/attention.js";
import { count, jump, known, setGone } from "#/pages/review/queue.js";
import { proposalOf, standing } from "#/pages/review/text.js";

export const LONGEST = 20_000;
const REMEMBERED = 100;

/** What was decided in this sitting: how often, and how long it took. */
export const sitting = signal({ items: 0, seconds: 0 });

/** @type {{item: any, before: any, key: string, done: Promise<any>, kind: string}[]} */
let taken = [];
let shown = 0;

/** Why a text cannot be saved; null when it can. `names` are the words of its modality. */
export function refusal(text, names) {
  const trimmed = text.trim();
  if (!trimmed) return names.refusal;
  if (trimmed.length > LONGEST) return `at most ${LONGEST} characters are kept`;
  return null;
}

/** Saves the text that stands in the editor. */
export function saveText(item) {
  const truth = item.text.value.value.trim();
  const isProposed = proposalOf(item.sample.value)?.trim() === truth;
  decide(item, isProposed ? "accepted" : "corrected", truth);
}

/** Accepts what was proposed. */
export function accept(item) {
  decide(item, "accepted", proposalOf(item.sample.value).trim());
}

/** Rejects or skips. */
export function setAside(item, verdict) {
  decide(item, verdict, null);
}

function decide(item, verdict, truth) {
  const before = item.sample.value;
  const body = { verdict, expected: before.revision, shown_because: item.because, ...spent(item) };
  if (truth !== null) body.truth = truth;
  const { key, done } = post({ kind: "review", sample: before.id, uid: before.uid, body });
  count(before.state, verdict);
  sitting.value = { items: sitting.value.items + 1, seconds: sitting.value.seconds + body.seconds };
  item.effort.seconds = 0;
  item.effort.keys = 0;
  item.sample.value = { ...before, state: verdict, truth };
  if (truth !== null) item.text.settle(truth);
  else item.text.reset();
  const one = { item, before, key, done, kind: "review" };
  remember(one);
  done.then((answer) => refresh(item, answer.sample), (error) => notKept(one, error));
  say(`#${before.id} ${verdict}`);
}

/** The server refused: nothing was decided; the outbox keeps what the person wanted. */
function notKept(one, error) {
  if (error.code === "withdrawn") return;
  const { item, before } = one;
  taken = taken.filter((other) => other !== one);
  count(item.sample.value.state, before.state);
  item.sample.value = before;
  item.text.base = standing(before);
  dismiss(shown);
}

/** Moves the sample into the trash. */
export function discard(item) {
  const { id, uid } = item.sample.value;
  const { key, done } = post({ kind: "delete", sample: id, uid });
  setGone(item, true);
  const one = { item, before: item.sample.value, key, done, kind: "delete" };
  remember(one);
  done.catch((error) => error.code !== "withdrawn" && setGone(item, false));
  say(`#${id} is in the trash`);
}

/** What the server holds, unless something newer waits to be sent. */
function refresh(item, sample) {
  if (unsentFor(sample.id)) return;
  item.sample.value = sample;
}

function remember(one) {
  taken = [...taken.slice(1 - REMEMBERED), one];
}

function say(text) {
  dismiss(shown);
  shown = toast(text, { undo: () => void takeBack() });
}

/** Takes back the newest decision of this sitting, else this person's newest of all. */
export async function takeBack() {
  dismiss(shown);
  const last = taken.at(-1);
  if (!last) return takeBackEarlier();
  taken = taken.slice(0, -1);
  const { item, before } = last;
  if (item.gone) setGone(item, false);
  else count(item.sample.value.state, before.state);
  if (!withdraw(last.key)) last.done.then((answer) => sendBack(last, answer), () => {});
  item.sample.value = before;
  item.text.base = standing(before);
  sitting.value = { ...sitting.value, items: Math.max(0, sitting.value.items - 1) };
  await jump(before.id);
  toast(`#${before.id}: taken back`);
}

function sendBack({ item, kind }, answer) {
  const { id, uid } = item.sample.value;
  const isDeleted = kind === "delete";
  if (!isDeleted && !answer?.revision) return;
  const what = isDeleted ? { kind: "restore" } : { kind: "undo", revision: answer.revision.revision };
  const { done } = post({ ...what, sample: id, uid });
  done.then((told) => refresh(item, told?.sample ?? told ?? item.sample.value), toastError);
}

async function takeBackEarlier() {
  try {
    const { sample } = await api.post("/api/undo");
    const item = known(sample.id);
    if (item) item.sample.value = sample;
    await jump(sample.id);
    toast(`#${sample.id}: taken back`);
  } catch (error) {
    toastError(error);
  }
}
