// Playing sound: two audio elements in turn, so that the next one is ready before it is shown.

import { signal } from "#/html.js";

const SPEED = "truing.speed";
const VOLUME = "truing.volume";
const SLOWEST = 0.5;
const FASTEST = 2;

const stored = (name, otherwise) => {
  const told = Number.parseFloat(localStorage.getItem(name) ?? "");
  return Number.isFinite(told) ? told : otherwise;
};

/**
 * One listener's player. The same two elements serve all sounds: a browser that lets only elements
 * play which a person has started keeps letting them.
 */
export class Playback {
  constructor() {
    this.decks = [deck(), deck()];
    this.listeners = new Set();
    /** Shown: the address that plays now. */
    this.url = null;
    this.stopAt = null;
    this.region = signal(null);
    this.playing = signal(false);
    /** The browser did not let sound start by itself. */
    this.refused = signal(false);
    this.ready = signal(false);
    this.broken = signal(false);
    this.speed = signal(clamped(stored(SPEED, 1)));
    this.volume = signal(Math.min(1, Math.max(0, stored(VOLUME, 1))));
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
    this.#tune();
    if (this.element.currentTime) this.element.currentTime = 0;
    this.ready.value = this.element.readyState >= HTMLMediaElement.HAVE_ENOUGH_DATA;
    this.#tick();
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
    try {
      await this.element.play();
      this.refused.value = false;
    } catch (error) {
      // Taken over by another sound or by a pause: nothing is wrong.
      if (error.name === "NotAllowedError") this.refused.value = true;
    }
  }

  pause() {
    this.element.pause();
  }

  toggle() {
    if (this.playing.value) this.pause();
    else void this.play();
  }

  seek(time) {
    this.element.currentTime = time;
    this.stopAt = null;
    this.#tick();
  }

  /** The last seconds again. */
  back(seconds) {
    const start = this.region.value?.[0] ?? 0;
    void this.play(Math.max(start, this.time - seconds));
  }

  /** Plays a region over and over; null ends that. */
  loop(region) {
    this.region.value = region;
    if (region) void this.play(region[0]);
  }

  setSpeed(speed) {
    this.speed.value = clamped(speed);
    localStorage.setItem(SPEED, String(this.speed.value));
    this.#tune();
  }

  setVolume(volume) {
    this.volume.value = volume;
    localStorage.setItem(VOLUME, String(volume));
    this.#tune();
  }

  /** Calls `listener(time)` as sound goes on and on every seek; returns how to stop. */
  onTick(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  #tune() {
    this.element.playbackRate = this.speed.value;
    this.element.volume = this.volume.value;
  }

  #tick() {
    for (const listener of this.listeners) listener(this.time);
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
    on("seeked", () => this.#tick());
    on("ended", () => {
      this.#rest();
      if (this.region.value) void this.play(this.region.value[0]);
    });
  }

  #rest() {
    this.playing.value = false;
    this.#tick();
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
    this.#tick();
    requestAnimationFrame(() => this.#follow(element));
  }
}

/** On the grid of tenths. */
function clamped(speed) {
  return Math.min(FASTEST, Math.max(SLOWEST, Math.round(speed * 10) / 10));
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
