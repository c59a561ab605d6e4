// What a run is doing, in words and marks.

import { html } from "#/html.js";

const STATES = {
  queued: { text: "queued", kind: "" },
  running: { text: "running", kind: "accent" },
  paused: { text: "paused", kind: "warn" },
  stopped: { text: "stopped", kind: "" },
  failed: { text: "failed", kind: "bad" },
  lost: { text: "process lost", kind: "bad" },
  done: { text: "done", kind: "good" },
};
const WISHES = { pause: "pausing…", stop: "stopping…" };

/** Whether nothing more will happen by itself. */
export const ended = (run) => ["stopped", "failed", "done"].includes(run.state);

/** Whether it holds, or will take, the device. */
export const active = (run) => ["queued", "running", "lost"].includes(run.state);

/** What was asked for and is not reached yet: "pausing…", or null. */
export const wished = (run) => (active(run) ? (WISHES[run.want] ?? null) : null);

export function StateChip({ run }) {
  const known = STATES[run.state] ?? { text: run.state, kind: "" };
  const wish = wished(run);
  return html`<span class="chip ${wish ? "warn" : known.kind}">${wish ?? known.text}</span>`;
}
