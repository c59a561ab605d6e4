// A run as it happens: its row and figures by server-sent events, by asking again where they do not come.

import { useEffect, useRef, useState } from "#/html.js";
import { api } from "#/api.js";
import { ended } from "#/pages/train/state.js";
import { Points } from "#/pages/train/points.js";

const POLL_MS = 2000;

/**
 * The run and its points, from the first look to its end.
 * @param {number|string} id
 * @returns {{run: any, points: Points, error: any, turn: number, set: (run: any) => void}} `turn` grows with each change
 */
export function useRun(id) {
  const [state, setState] = useState({ run: null, points: new Points(), error: null, turn: 0 });
  const follower = useRef(null);
  useEffect(() => {
    follower.current = new Follower(id, setState);
    return () => follower.current.close();
  }, [id]);
  return { ...state, set: (run) => follower.current?.take(run, []) };
}

/** Listens to one run; asks for what was missed whenever the stream was away. */
class Follower {
  constructor(id, show) {
    this.place = `/api/runs/${id}`;
    this.show = show;
    this.run = null;
    this.error = null;
    this.points = new Points();
    this.turn = 0;
    this.closed = false;
    this.begun = false;
    this.begin();
  }

  async begin() {
    await this.look();
    this.begun = true;
    if (!this.closed && this.run && !ended(this.run)) this.listen();
  }

  /** Reads the row and the figures since the last ones; the newest step is read once more. */
  async look() {
    try {
      const run = await api.get(this.place);
      let after = this.points.newest - 1;
      for (;;) {
        const { items, next } = await api.get(`${this.place}/metrics`, { after_step: after });
        this.points.add(items);
        if (next === null || next === undefined || this.closed) break;
        after = next;
      }
      this.error = null;
      this.take(run, []);
    } catch (error) {
      this.error = error;
      this.draw();
    }
  }

  listen() {
    this.source = new EventSource(`${this.place}/changes`);
    this.source.onmessage = (event) => {
      const { run, points } = JSON.parse(event.data);
      this.take(run, points ?? []);
    };
    this.source.onopen = () => {
      clearInterval(this.timer);
      this.timer = 0;
    };
    this.source.onerror = () => {
      if (!this.timer && !this.closed) this.timer = setInterval(() => this.poll(), POLL_MS);
      if (this.source.readyState === EventSource.CLOSED) this.source.close();
    };
  }

  /** What is done while the stream is away; a stream that was refused is opened anew. */
  async poll() {
    await this.look();
    if (this.closed || this.error || ended(this.run)) return;
    if (this.source.readyState === EventSource.CLOSED) {
      clearInterval(this.timer);
      this.timer = 0;
      this.listen();
    }
  }

  /** Takes a newer row, or none, and further points. */
  take(run, points) {
    if (run) this.run = run;
    this.points.add(points);
    if (this.run && ended(this.run)) this.rest();
    else if (this.begun && !this.source) this.listen();
    this.draw();
  }

  /** Shows what is known, once per frame however fast news come. */
  draw() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.turn += 1;
      if (!this.closed) this.show({ run: this.run, points: this.points, error: this.error, turn: this.turn });
    });
  }

  rest() {
    clearInterval(this.timer);
    this.timer = 0;
    this.source?.close();
    this.source = null;
  }

  close() {
    this.closed = true;
    cancelAnimationFrame(this.frame);
    this.rest();
  }
}
