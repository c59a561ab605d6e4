// The pairs of one sitting: fetched ahead, chosen on at once, sent in order, taken back.

import { signal } from "#/html.js";
import { api, ApiError } from "#/api.js";
import { toastError } from "#/toast.js";

/** Pairs at hand: the one that is shown and those fetched ahead. */
const AHEAD = 3;
/** More are not named to the server; what was skipped before them may come again. */
const MOST_PASSED = 150;

/** @typedef {{told: any, asset: import("@preact/signals").Signal<any>, problem: import("@preact/signals").Signal<any>, isReleased: boolean}} Item */

export class Sitting {
  /** @param {string} first @param {string} second uids of two evaluations */
  constructor(first, second) {
    this.contest = { first, second };
    /** @type {import("@preact/signals").Signal<Item[]>} */
    this.items = signal([]);
    this.progress = signal(null);
    this.problem = signal(null);
    /** Whether the server has nothing further. */
    this.isOver = signal(false);
    this.skipped = signal([]);
    this.sending = Promise.resolve();
    /** Samples whose choices are on their way: the server would ask for them again. */
    this.underway = signal([]);
    this.isClosed = false;
  }

  get current() {
    return this.items.value[0] ?? null;
  }

  /** Fetches what is missing ahead; whoever asks meanwhile waits for the same. */
  fill() {
    this.filling ??= this.#fill().finally(() => (this.filling = null));
    return this.filling;
  }

  async #fill() {
    // What was chosen has arrived first: the progress that is told counts it.
    await this.sending;
    const missing = AHEAD - this.items.peek().length;
    if (missing <= 0 || this.isClosed) return;
    const without = [...this.items.peek().map(({ told }) => told.sample), ...this.underway.peek(), ...this.skipped.peek().slice(-MOST_PASSED)];
    try {
      const { pairs, progress } = await api.get("/api/preferences/next", { ...this.contest, limit: missing, without });
      if (this.isClosed) return;
      this.problem.value = null;
      this.progress.value = progress;
      this.isOver.value = pairs.length < missing;
      // One that was taken back meanwhile is at hand already.
      const atHand = new Set(this.items.peek().map(({ told }) => told.sample));
      const fresh = pairs.filter(({ sample }) => !atHand.has(sample));
      this.items.value = [...this.items.peek(), ...fresh.map(itemOf)];
    } catch (error) {
      this.problem.value = error;
    }
  }

  /** Takes the pair away at once; it comes back when the server does not take the choice. */
  choose(choice, seconds) {
    const item = this.current;
    if (!item?.asset.peek()) return;
    this.#drop();
    const { sample } = item.told;
    this.underway.value = [...this.underway.peek(), sample];
    const send = async () => {
      try {
        const { progress } = await api.post("/api/preferences", { ...this.contest, sample, choice, seconds });
        this.progress.value = progress;
        release(item);
      } catch (error) {
        toastError(error);
        if (error.status !== 409) this.#putBack(item);
      } finally {
        this.underway.value = this.underway.peek().filter((one) => one !== sample);
      }
    };
    this.sending = this.sending.then(send);
    this.#later();
  }

  skip() {
    const item = this.current;
    if (!item) return;
    this.skipped.value = [...this.skipped.peek(), item.told.sample];
    release(item);
    this.#drop();
    this.#later();
  }

  /** What was skipped is shown after all. */
  lookAgain() {
    this.skipped.value = [];
    this.isOver.value = false;
    return this.fill();
  }

  /** Takes the last choice back and shows its pair again; false when there is none. */
  undo() {
    const take = async () => {
      try {
        const { pair, progress } = await api.post("/api/preferences/undo", this.contest);
        this.progress.value = progress;
        if (pair) this.#putBack(itemOf(pair));
        return true;
      } catch (error) {
        toastError(error);
        return false;
      }
    };
    const done = this.sending.then(take);
    this.sending = done;
    return done;
  }

  close() {
    this.isClosed = true;
    this.items.peek().forEach(release);
  }

  #drop() {
    this.items.value = this.items.peek().slice(1);
  }

  #putBack(item) {
    if (this.isClosed) return;
    this.skipped.value = this.skipped.peek().filter((one) => one !== item.told.sample);
    this.items.value = [item, ...this.items.peek().filter(({ told }) => told.sample !== item.told.sample)];
  }

  /** When nothing else is to be done: the next pair is drawn before further ones are fetched. */
  #later() {
    if (!this.items.peek().length) return void this.fill();
    const start = () => !this.isClosed && this.fill();
    if (window.requestIdleCallback) requestIdleCallback(start, { timeout: 400 });
    else setTimeout(start, 30);
  }
}

/** @returns {Item} */
function itemOf(told) {
  const item = { told, asset: signal(null), problem: signal(null), isReleased: false };
  void load(item);
  return item;
}

/** Fetches and decodes the pictures, so that nothing is drawn piece by piece. */
export async function load(item) {
  item.problem.value = null;
  const { kind, original, left, right } = item.told;
  if (kind !== "pictures") return void (item.asset.value = { original: original?.url ?? null, left, right });
  try {
    const sources = await Promise.all([original?.url, left, right].map(decoded));
    item.asset.value = { original: sources[0], left: sources[1], right: sources[2] };
    if (item.isReleased) release(item);
  } catch (error) {
    item.problem.value = error;
  }
}

async function decoded(url) {
  if (!url) return null;
  const answer = await fetch(url, { credentials: "same-origin" });
  if (!answer.ok) {
    const told = (await answer.json().catch(() => null))?.error;
    throw new ApiError(answer.status, told ?? { code: "http", message: "a picture is not there", hint: "truing verify tells which" });
  }
  const source = URL.createObjectURL(await answer.blob());
  const image = new Image();
  image.src = source;
  await image.decode().catch(() => {
    throw new ApiError(0, { code: "damaged", message: "a picture cannot be shown", hint: "skip the pair; truing verify tells what is damaged" });
  });
  return source;
}

function release(item) {
  item.isReleased = true;
  for (const source of Object.values(item.asset.peek() ?? {})) if (source?.startsWith?.("blob:")) URL.revokeObjectURL(source);
}
