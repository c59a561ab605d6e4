// Long work that the server does in a process of its own: asked for once, then followed to its end.

import { html } from "#/html.js";
import { Progress } from "#/components/states.js";
import { ApiError, api } from "#/api.js";

const LOOK_MS = 700;

const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * The result of a call that answers at once, or later by way of its `work`.
 * @param {Promise<any>} call
 * @param {(work: any) => void} onWork told how far it is
 */
export async function follow(call, onWork) {
  let told = await call;
  while (told.work && told.work.state === "running") {
    onWork(told.work);
    await later(LOOK_MS);
    told = await api.get(`/api/errands/${told.work.id}`);
  }
  if (told.work?.error) throw new ApiError(409, told.work.error, told);
  return told.result ?? told;
}

/** How far it is. */
export function Working({ work, text }) {
  const share = work?.total ? work.done / work.total : null;
  const label = work?.total ? `${text}: ${work.done} of ${work.total}` : `${text}…`;
  return html`<div role="status"><${Progress} value=${share} label=${label} /></div>`;
}
