// How near several pictures are looked at, and where: one view for all of them; wheel, pinch, drag.

import { signal, useEffect, useRef } from "#/html.js";

export const NEAREST = 16;
const WHOLE = { zoom: 1, x: 0.5, y: 0.5 };
const WHEEL = 0.0015;
/** Trackpads tell a pinch as a wheel with Ctrl, in much smaller steps. */
const PINCH = 0.01;
const LINE_PIXELS = 16;
/** A finger that moved less has tapped. */
const TAP_PIXELS = 5;

/**
 * `seen` is a signal: `zoom` times as large as whole, about the point `x`, `y` of the pictures.
 * Points and steps are shares of a frame, so that frames of any size show the same part.
 */
export class SharedView {
  constructor() {
    this.seen = signal(WHOLE);
  }

  get isWhole() {
    return this.seen.value.zoom === 1;
  }

  /** Nearer or farther; the point of the frame stays where it is on the screen. */
  zoomBy(factor, [right, down] = [0.5, 0.5]) {
    const { zoom, x, y } = this.seen.peek();
    const next = Math.min(NEAREST, Math.max(1, zoom * factor));
    const moved = 1 / zoom - 1 / next;
    this.#look({ zoom: next, x: x + (right - 0.5) * moved, y: y + (down - 0.5) * moved });
  }

  /** Moves the pictures by shares of the frame. */
  panBy(right, down) {
    const { zoom, x, y } = this.seen.peek();
    this.#look({ zoom, x: x - right / zoom, y: y - down / zoom });
  }

  reset() {
    this.seen.value = WHOLE;
  }

  /** For the style of what holds the frames: `--zoom`, `--left`, `--top`. */
  get style() {
    const { zoom, x, y } = this.seen.value;
    return { "--zoom": zoom, "--left": `${(50 - 100 * x * zoom).toFixed(3)}%`, "--top": `${(50 - 100 * y * zoom).toFixed(3)}%` };
  }

  /** Nothing beside the pictures comes into view. */
  #look({ zoom, x, y }) {
    const margin = 0.5 / zoom;
    const within = (place) => Math.min(1 - margin, Math.max(margin, place));
    this.seen.value = { zoom, x: within(x), y: within(y) };
  }
}

/**
 * Handlers for the element that holds the frames, each marked `data-frame`. What is whole cannot be
 * moved: there a drag or a tap is told to `onSlide`, as the share of the frame from its left.
 * @param {SharedView} view
 * @param {(share: number) => void} [onSlide]
 */
export function useGestures(box, view, onSlide) {
  const down = useRef(new Map());
  useEffect(() => {
    const element = box.current;
    const turned = (event) => wheel(event, view);
    element.addEventListener("wheel", turned, { passive: false });
    return () => element.removeEventListener("wheel", turned);
  }, [view]);
  return {
    onPointerDown: (event) => {
      if (event.button !== 0 || !frameOf(event)) return;
      const [x, y] = [event.clientX, event.clientY];
      down.current.set(event.pointerId, { x, y, from: x, frame: frameOf(event), moved: false });
      if (event.pointerType !== "touch") box.current.setPointerCapture(event.pointerId);
    },
    onPointerMove: (event) => moved(event, down.current, view, onSlide),
    onPointerUp: (event) => {
      const finger = down.current.get(event.pointerId);
      down.current.delete(event.pointerId);
      if (finger && !finger.moved && view.isWhole) onSlide?.(shareOf(event.clientX, finger.frame));
    },
    onPointerCancel: (event) => down.current.delete(event.pointerId),
    onDblClick: () => view.reset(),
  };
}

const frameOf = (event) => event.target.closest?.("[data-frame]")?.getBoundingClientRect();
const shareOf = (x, { left, width }) => Math.min(1, Math.max(0, (x - left) / width));

/** Away from whole pictures the wheel scrolls the page, as everywhere else. */
function wheel(event, view) {
  const frame = frameOf(event);
  if (!frame || (view.isWhole && event.deltaY > 0)) return;
  event.preventDefault();
  const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_PIXELS : 1);
  view.zoomBy(Math.exp(-pixels * (event.ctrlKey ? PINCH : WHEEL)), pointOf(event.clientX, event.clientY, frame));
}

const pointOf = (x, y, { left, top, width, height }) => [(x - left) / width, (y - top) / height];

function moved(event, down, view, onSlide) {
  const finger = down.get(event.pointerId);
  if (!finger) return;
  const { frame } = finger;
  const [x, y] = [finger.x, finger.y];
  Object.assign(finger, { x: event.clientX, y: event.clientY });
  finger.moved ||= Math.abs(event.clientX - finger.from) > TAP_PIXELS;
  if (down.size === 2) {
    const other = [...down.entries()].find(([id]) => id !== event.pointerId)[1];
    const apart = (left, top) => Math.hypot(left - other.x, top - other.y);
    const middle = pointOf((finger.x + other.x) / 2, (finger.y + other.y) / 2, frame);
    view.zoomBy(apart(finger.x, finger.y) / Math.max(1, apart(x, y)), middle);
    view.panBy((finger.x - x) / 2 / frame.width, (finger.y - y) / 2 / frame.height);
    finger.moved = other.moved = true;
  } else if (!view.isWhole) {
    view.panBy((finger.x - x) / frame.width, (finger.y - y) / frame.height);
  } else if (finger.moved) {
    onSlide?.(shareOf(finger.x, frame));
  }
}
