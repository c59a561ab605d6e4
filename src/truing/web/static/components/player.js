// What players of sound and of video have in common: speed, volume, loop, and who listens to them.

import { signal } from "#/html.js";

const VOLUME = "truing.volume";
export const FASTEST = 2;

const stored = (name, otherwise) => {
  const told = Number.parseFloat(localStorage.getItem(name) ?? "");
  return Number.isFinite(told) ? told : otherwise;
};

/** A player gives `element`, which sounds or is seen now, its `time`, and `play`. */
export class Player {
  #kept;

  /**
   * @param {string} kept where the speed is kept
   * @param {number} slowest
   */
  constructor(kept, slowest) {
    this.#kept = kept;
    this.slowest = slowest;
    this.listeners = new Set();
    /** Shown: the address that plays now. */
    this.url = null;
    this.stopAt = null;
    this.region = signal(null);
    this.playing = signal(false);
    this.ready = signal(false);
    this.broken = signal(false);
    /** The browser did not let it start by itself. */
    this.refused = signal(false);
    this.speed = signal(this.#clamped(stored(kept, 1)));
    this.volume = signal(Math.min(1, Math.max(0, stored(VOLUME, 1))));
  }

  /** Starts what is shown, as far as the browser lets it. */
  async start() {
    try {
      await this.element.play();
      this.refused.value = false;
    } catch (error) {
      // Taken over by another one or by a pause: nothing is wrong.
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
    this.speed.value = this.#clamped(speed);
    localStorage.setItem(this.#kept, String(this.speed.value));
    this.tune();
  }

  setVolume(volume) {
    this.volume.value = volume;
    localStorage.setItem(VOLUME, String(volume));
    this.tune();
  }

  /** Calls `listener(time, frame)` as it goes on and on every seek; returns how to stop. Sound has no frames. */
  onTick(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Gives the element speed and volume. */
  tune() {
    this.element.playbackRate = this.speed.value;
    this.element.volume = this.volume.value;
  }

  tick() {
    for (const listener of this.listeners) listener(this.time, this.index);
  }

  /** On the grid of tenths. */
  #clamped(speed) {
    return Math.min(FASTEST, Math.max(this.slowest, Math.round(speed * 10) / 10));
  }
}
