// Doing one thing to many samples: in parts that show progress, with one undo for all of it.

import { api } from "#/api.js";

/** Samples named in one request. */
const TOGETHER = 500;

/**
 * @param {import("./selection.js").Selection} selection
 * @param {object} deed `action` and what it takes
 * @param {(done: number, total: number|null) => void} onProgress
 * @returns {Promise<{done: number, failed: {id: number, error: object}[], undos: number[], error: Error|null}>}
 *   `error` is what ended it early; what was done until then can be undone.
 */
export async function doToAll(selection, deed, onProgress = () => {}) {
  const outcome = { done: 0, failed: [], undos: [], error: null };
  const parts = partsOf(selection);
  const total = selection.where ? null : selection.ids.size;
  for (const part of parts) {
    onProgress(outcome.done + outcome.failed.length, total);
    try {
      const answer = await api.post("/api/batch", { ...part, ...deed });
      outcome.done += answer.results.filter((one) => one.ok).length;
      outcome.failed.push(...answer.results.filter((one) => !one.ok));
      if (answer.undo !== null) outcome.undos.push(answer.undo);
    } catch (error) {
      outcome.error = error;
      break;
    }
  }
  return outcome;
}

/**
 * What a replacement would do.
 * @returns {Promise<{rows: {id: number, before: string, after: string}[], count: number}>} the first rows, and how many in all
 */
export async function preview(selection, deed) {
  const found = { rows: [], count: 0 };
  for (const part of partsOf(selection)) {
    const answer = await api.post("/api/batch", { ...part, ...deed, dry_run: true });
    found.rows.push(...answer.preview);
    found.count += answer.count;
  }
  return found;
}

/** Takes back what `doToAll` did, the newest part first. */
export async function undoAll(undos) {
  for (const token of [...undos].reverse()) await api.post(`/api/batch/${token}/undo`);
}

function partsOf(selection) {
  if (selection.where) return [{ where: selection.where }];
  const ids = [...selection.ids];
  const parts = [];
  for (let at = 0; at < ids.length; at += TOGETHER) parts.push({ ids: ids.slice(at, at + TOGETHER) });
  return parts;
}
