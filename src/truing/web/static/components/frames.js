// Playing a video by its frames: every step, seek and loop lands on a frame whose time is known.

import { signal } from "#/html.js";

const SPEED = "truing.film.speed";
const VOLUME = "truing.volume";
/** What is not said this long after a seek is not said at all. */
const UNSAID_MS = 120;
export const SLOWEST = 0.1;
export const FASTEST = 2;

const stored = (name, otherwise) => {
  const told = Number.parseFloat(localStorage.getItem(name) ?? "");
  return Number.isFinite(told) ? told : otherwise;
};
const clamped = (speed) => Math.min(FASTEST, Math.max(SLOWEST, Math.round(speed * 10) / 10));

/** A video element and the times of its frames, in seconds from the first. */
export class FramePlayer {
  constructor() {
    const element = document.createElement("video");
    Object.assign(element, { preload: "auto", playsInline: true, disablePictureInPicture: true });
    this.element = element;
    this.url = null;
    this.times = [];
    this.duration = 0;
    /** The frame that is seen. */
    this.index = 0;
    /** The frame that is on its way, while a seek lasts. */
    this.wanted = null;
    this.stopAt = null;
    this.listeners = new Set();
    this.region = signal(null);
    this.playing = signal(false);
    this.ready = signal(false);
    this.broken = signal(false);
    /** The browser did not let it start by itself. */
    this.refused = signal(false);
    this.speed = signal(clamped(stored(SPEED, 1)));
    this.volume = signal(Math.min(1, Math.max(0, stored(VOLUME, 1))));
    this.#listen();
  }

  /** Shows another video. */
  show(url, times, duration) {
    this.pause();
    Object.assign(this, { url, times, duration, index: 0, wanted: null, stopAt: null });
    this.region.value = null;
    for (const state of [this.ready, this.broken, this.refused]) state.value = false;
    this.element.src = url;
    this.#tune();
    this.#tick();
  }

  /** Ends what is shown and lets the video go. */
  clear() {
    this.pause();
    this.url = null;
    this.element.removeAttribute("src");
    this.element.load();
  }

  /** Seconds; of a video that stands, when its frame begins. */
  get time() {
    if (this.playing.value) return Math.min(this.duration, this.element.currentTime);
    return this.times[this.wanted ?? this.index] ?? 0;
  }

  /** The frame that is seen at a time. */
  at(time) {
    let [low, high] = [0, this.times.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.times[middle] <= time) low = middle;
      else high = middle - 1;
    }
    return Math.max(0, low);
  }

  /** To a frame. The middle of the time it is shown is asked for: no rounding leads to its neighbour. */
  toFrame(index) {
    if (!this.times.length) return;
    const there = Math.min(this.times.length - 1, Math.max(0, index));
    this.wanted = there;
    this.element.currentTime = (this.times[there] + (this.times[there + 1] ?? this.duration)) / 2;
    this.#tick();
  }

  seek(time) {
    this.toFrame(this.at(time));
  }

  /** Some frames on or back. Steps that come faster than the video can follow add up. */
  step(by) {
    this.pause();
    this.toFrame((this.wanted ?? this.index) + by);
  }

  /** Plays from a time, up to another if one is given; seconds. */
  async play(from = null, until = null) {
    if (!this.url) return;
    this.stopAt = until;
    const [start] = this.region.value ?? [0];
    const over = this.element.ended || this.time >= (this.times.at(-1) ?? 0);
    if (from !== null) this.seek(from);
    else if (over) this.seek(start);
    try {
      await this.element.play();
      this.refused.value = false;
    } catch (error) {
      // Taken over by another video or by a pause: nothing is wrong.
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

  /** Plays the last seconds again. */
  back(seconds) {
    void this.play(Math.max(this.region.value?.[0] ?? 0, this.time - seconds));
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

  /** Calls `listener(time, frame)` whenever another frame is seen; returns how to stop. */
  onTick(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  #tune() {
    this.element.playbackRate = this.speed.value;
    this.element.volume = this.volume.value;
  }

  #tick() {
    for (const listener of this.listeners) listener(this.time, this.index);
  }

  #listen() {
    const on = (name, called) => this.element.addEventListener(name, called);
    on("canplaythrough", () => (this.ready.value = true));
    on("error", () => (this.broken.value = Boolean(this.url && this.element.error)));
    on("play", () => {
      this.playing.value = true;
      requestAnimationFrame(() => this.#follow());
    });
    on("pause", () => {
      this.playing.value = false;
      this.#tick();
    });
    on("ended", () => {
      if (this.region.value) void this.play(this.region.value[0]);
    });
    const watches = "requestVideoFrameCallback" in this.element;
    if (watches) this.#watch();
    // After many quick seeks a browser may not say that it has drawn the last one.
    on("seeked", () => setTimeout(() => this.#settle(), watches ? UNSAID_MS : 0));
  }

  /** The browser says which frame it has put on the screen. */
  #watch() {
    this.element.requestVideoFrameCallback((_, { mediaTime }) => {
      this.#seen(mediaTime);
      this.#watch();
    });
  }

  #settle() {
    if (this.wanted !== null && !this.element.seeking) this.#seen(this.element.currentTime);
  }

  #seen(time) {
    // Containers round times: half a millisecond is no frame.
    this.index = this.at(time + 0.0005);
    if (this.index === this.wanted || this.playing.value) this.wanted = null;
    this.#bound(time);
    this.#tick();
  }

  #bound(time) {
    if (!this.playing.value) return;
    const region = this.region.value;
    if (this.stopAt !== null && time >= this.stopAt) {
      this.stopAt = null;
      this.pause();
    } else if (region && (time >= region[1] || this.index >= this.at(region[1]))) {
      this.seek(region[0]);
    }
  }

  /** Between frames the playhead moves on. */
  #follow() {
    if (!this.playing.value) return;
    if (!("requestVideoFrameCallback" in this.element)) this.#seen(this.element.currentTime);
    else this.#tick();
    requestAnimationFrame(() => this.#follow());
  }
}
