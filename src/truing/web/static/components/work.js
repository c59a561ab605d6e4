// Long work that the server does in a process of its own: asked for once, then followed to its end.

import { html, useCallback, useEffect, useRef, useState } from "#/html.js";
import { Progress } from "#/components/states.js";
import { ApiError, api } from "#/api.js";
import { count } from "#/format.js";
import { toastError } from "#/toast.js";

const LOOK_MS = 700;

const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * The result of a call that answers at once, or later by way of its `work`.
 * @param {Promise<any>} call
 * @param {(work: any) => boolean | void} onWork told how far it is; false ends the following
 */
export async function follow(call, onWork) {
  let told = await call;
  while (told.work && told.work.state === "running") {
    if (onWork(told.work) === false) return null;
    await later(LOOK_MS);
    told = await api.get(`/api/errands/${told.work.id}`);
  }
  if (told.work?.error) throw new ApiError(409, told.work.error, told);
  return told.result ?? told;
}

const AT_REST = { busy: false, work: null, error: null };

/**
 * Long work of one part of a page: `run(call)` gives its result, or null when it failed or the page
 * is gone. What is under way already, asked for before a reload or by somebody else, is joined.
 * @param {{joined?: any, onJoined?: (result: any, deed: string) => void}} props
 */
export function useWork({ joined = null, onJoined = () => {} } = {}) {
  const [state, setState] = useState(AT_REST);
  const here = useRef(true);
  useEffect(() => () => void (here.current = false), []);
  const run = useCallback(async (call) => {
    setState({ ...AT_REST, busy: true });
    try {
      const result = await follow(call, (work) => {
        if (here.current) setState({ ...AT_REST, busy: true, work });
        return here.current;
      });
      if (here.current) setState(AT_REST);
      return result;
    } catch (error) {
      if (here.current) setState({ ...AT_REST, error });
      return null;
    }
  }, []);
  useEffect(() => {
    if (!joined || state.busy) return;
    run(api.get(`/api/errands/${joined.id}`)).then((result) => result && here.current && onJoined(result, joined.deed));
  }, [joined?.id]);
  return { ...state, run, forget: () => setState(AT_REST) };
}

/** How far it is; `stoppable` offers to end it, `show` writes a figure. */
export function Working({ work, text, stoppable = false, show = count }) {
  const [stopping, setStopping] = useState(false);
  const share = work?.total ? work.done / work.total : null;
  const label = work?.waiting ? `${text}: waits until other work is done`
    : work?.total ? `${text}: ${show(work.done)} of ${show(work.total)}` : `${text}…`;
  const stop = async () => {
    setStopping(true);
    await api.post(`/api/errands/${work.id}/stop`).catch(toastError);
  };
  return html`<div class="working" role="status"><${Progress} value=${share} label=${label} />
    ${stoppable && work && html`<button class="compact" disabled=${stopping} onClick=${stop}>${stopping ? "Stopping…" : "Stop"}</button>`}</div>`;
}
