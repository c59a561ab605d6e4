// Playing sound: two audio elements in turn, so that the next one is ready before it is shown.

import { Player } from "#/components/player.js";

const SPEED = "truing.speed";
const SLOWEST = 0.5;

/**
 * One listener's player. The same two elements serve all sounds: a browser that lets only elements
 * play which a person has started keeps letting them.
 */
export class Playback extends Player {
  constructor() {
    super(SPEED, SLOWEST);
    this.decks = [deck(), deck()];
    for (const element of this.decks) this.#listen(element);
  }

  get element() {
    return this.decks[0];
  }

  get time() {
    return this.element.currentTime || 0;
  }

  /** Shows another sound; at once if it was prepared. */
  show(url) {
    if (url === this.url) return;
    this.pause();
    this.decks.reverse();
    this.url = url;
    this.stopAt = null;
    this.region.value = null;
    this.broken.value = false;
    this.refused.value = false;
    load(this.element, url);
    this.tune();
    if (this.element.currentTime) this.element.currentTime = 0;
    this.ready.value = this.element.readyState >= HTMLMediaElement.HAVE_ENOUGH_DATA;
    this.tick();
  }

  /** Gets the next sound ready on the element that does not play. */
  prepare(url) {
    if (url !== this.url) load(this.decks[1], url);
  }

  /** Plays from a time, up to another if one is given; seconds. */
  async play(from = null, until = null) {
    if (!this.url) return;
    const length = this.element.duration;
    this.stopAt = until;
    if (from !== null) this.element.currentTime = from;
    else if (this.element.ended || this.time >= length) this.element.currentTime = this.region.value?.[0] ?? 0;
    await this.start();
  }

  seek(time) {
    this.element.currentTime = time;
    this.stopAt = null;
    this.tick();
  }

  #listen(element) {
    const shown = (called) => () => element === this.element && called();
    const on = (name, called) => element.addEventListener(name, shown(called));
    on("canplaythrough", () => (this.ready.value = true));
    on("error", () => (this.broken.value = Boolean(element.error)));
    on("play", () => {
      this.playing.value = true;
      requestAnimationFrame(() => this.#follow(element));
    });
    on("pause", () => this.#rest());
    on("seeked", () => this.tick());
    on("ended", () => {
      this.#rest();
      if (this.region.value) void this.play(this.region.value[0]);
    });
  }

  #rest() {
    this.playing.value = false;
    this.tick();
  }

  #follow(element) {
    if (element !== this.element || element.paused) return;
    const region = this.region.value;
    if (this.stopAt !== null && this.time >= this.stopAt) {
      this.stopAt = null;
      this.pause();
    } else if (region && this.time >= region[1]) {
      element.currentTime = region[0];
    }
    this.tick();
    requestAnimationFrame(() => this.#follow(element));
  }
}

function deck() {
  const element = new Audio();
  element.preload = "auto";
  element.preservesPitch = true;
  return element;
}

function load(element, url) {
  if (element.dataset.url === url) return;
  element.dataset.url = url;
  element.src = url;
  element.load();
}

/** The player of the sample that is looked at. */
export const playback = new Playback();
