// What a page shows when there is nothing, not yet something, or something wrong.

import { html, useCallback, useEffect, useRef, useState } from "#/html.js";

/** Nothing here yet: why, and what to do. */
export function Empty({ title, children, icon = "wheel" }) {
  return html`<section class="empty">
    <svg class="empty-art" aria-hidden="true"><use href="/static/icons.svg#${icon}" /></svg>
    <h2>${title}</h2>
    <div class="stack">${children}</div>
  </section>`;
}

/** What went wrong, in the server's words, with a way to try again. */
export function Problem({ error, retry }) {
  return html`<section class="problem" role="alert">
    <strong>${error.message}</strong>
    ${error.hint && html`<p>${error.hint}</p>`}
    ${retry && html`<button onClick=${retry}>Try again</button>`}
  </section>`;
}

/** Lines that stand for what is being fetched; only shown when it takes long. */
export function Waiting({ lines = 4 }) {
  return html`<div class="waiting" role="status" aria-label="Loading">
    ${Array.from({ length: lines }, (_, at) => html`<span class="bone" key=${at}></span>`)}
  </div>`;
}

/** A bar with its share in words. `value` from 0 to 1, null while unknown. */
export function Progress({ value, label }) {
  return html`<div class="progress">
    <progress max="1" value=${value ?? undefined} aria-label=${label}></progress>
    <span class="progress-label">${label}</span>
  </div>`;
}

/**
 * Fetches when shown and whenever `deps` change. `reload` fetches again and keeps what is shown.
 * @returns {{data: any, error: any, loading: boolean, reload: () => Promise<void>, set: (data: any) => void}}
 */
export function useFetched(fetcher, deps) {
  const [state, setState] = useState({ data: null, error: null, loading: true });
  const turn = useRef(0);
  const reload = useCallback(async () => {
    const mine = ++turn.current;
    try {
      const data = await fetcher();
      if (mine === turn.current) setState({ data, error: null, loading: false });
    } catch (error) {
      if (mine === turn.current) setState((before) => ({ ...before, error, loading: false }));
    }
  }, deps);
  useEffect(() => {
    setState((before) => ({ ...before, loading: true }));
    reload();
    return () => void turn.current++;
  }, [reload]);
  return { ...state, reload, set: (data) => setState({ data, error: null, loading: false }) };
}
