// Playing a video by its frames: every step, seek and loop lands on a frame whose time is known.

import { Player } from "#/components/player.js";

const SPEED = "truing.film.speed";
const SLOWEST = 0.1;
/** What is not said this long after a seek is not said at all. */
const UNSAID_MS = 120;

/** A video element and the times of its frames, in seconds from the first. */
export class FramePlayer extends Player {
  constructor() {
    super(SPEED, SLOWEST);
    const element = document.createElement("video");
    Object.assign(element, { preload: "auto", playsInline: true, disablePictureInPicture: true });
    this.element = element;
    this.times = [];
    this.duration = 0;
    /** The frame that is seen. */
    this.index = 0;
    /** The frame that is on its way, while a seek lasts. */
    this.wanted = null;
    this.#listen();
  }

  /** Shows another video. */
  show(url, times, duration) {
    this.pause();
    Object.assign(this, { url, times, duration, index: 0, wanted: null, stopAt: null });
    this.region.value = null;
    for (const state of [this.ready, this.broken, this.refused]) state.value = false;
    this.element.src = url;
    this.tune();
    this.tick();
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
    this.tick();
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
    await this.start();
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
      this.tick();
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
    this.tick();
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
    else this.tick();
    requestAnimationFrame(() => this.#follow());
  }
}
