// News from the server: one stream for the whole app, opened by the first who listens.

import { signal, useEffect } from "#/html.js";

/** Whether the stream stands; null before anybody listened. */
export const connected = signal(null);

const listeners = new Map();
let source = null;

function open() {
  source = new EventSource("/api/changes");
  source.onopen = () => (connected.value = true);
  source.onerror = () => (connected.value = false);
  source.onmessage = (event) => {
    const { topic, data } = JSON.parse(event.data);
    const called = topic === "again" ? [...listeners.values()].flatMap((set) => [...set]) : (listeners.get(topic) ?? []);
    for (const listener of called) listener(data ?? {});
  };
}

/** Calls `listener(data)` on each change of a topic; returns how to stop. */
export function listen(topic, listener) {
  if (!source) open();
  const set = listeners.get(topic) ?? new Set();
  listeners.set(topic, set.add(listener));
  return () => set.delete(listener);
}

/** The same for as long as a component is shown. */
export function useChanges(topic, listener) {
  useEffect(() => listen(topic, listener), [topic, listener]);
}
