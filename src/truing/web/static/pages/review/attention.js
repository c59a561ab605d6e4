// How much work a decision took: seconds that the person was at it, and keys pressed.

/** A longer silence than this is a pause: it does not count beyond. */
const PAUSE_SECONDS = 60;
const MODIFIERS = new Set(["Shift", "Control", "Alt", "Meta", "CapsLock"]);

let effort = null;
let last = 0;

/** From now on work counts for this item's `effort`. */
export function attend(item) {
  note();
  effort = item?.effort ?? null;
  last = performance.now();
}

/** What was spent on the item so far. */
export function spent(item) {
  note();
  return { seconds: Math.round(item.effort.seconds * 100) / 100, keys: item.effort.keys };
}

/** Adds the time since the last sign of life. */
function note() {
  const now = performance.now();
  if (effort) effort.seconds += Math.min(PAUSE_SECONDS, (now - last) / 1000);
  last = now;
}

document.addEventListener("keydown", (event) => {
  if (event.repeat || MODIFIERS.has(event.key)) return;
  note();
  if (effort) effort.keys += 1;
}, { capture: true });
document.addEventListener("pointerdown", note, { capture: true });
document.addEventListener("visibilitychange", () => {
  if (document.hidden) note();
  else last = performance.now();
});
