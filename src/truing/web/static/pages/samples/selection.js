// Which samples are chosen: some by number, kept across pages, or all that a filter lets through.

/**
 * @typedef {{ids: Set<number>, where: object|null, anchor: number|null}} Selection
 * `where` is a filter when everything it lets through is chosen; `ids` is empty then. `anchor` is
 * where a range begins.
 */

/** @type {Selection} */
export const NOTHING = { ids: new Set(), where: null, anchor: null };

/** Whether a sample of the list is chosen. */
export const isChosen = (selection, id) => selection.where !== null || selection.ids.has(id);

/** Whether anything is chosen. */
export const isEmpty = (selection) => selection.where === null && selection.ids.size === 0;

/** Everything a filter lets through. */
export const everything = (where) => ({ ids: new Set(), where, anchor: null });

/** With one sample more or less. `shown` are the numbers on the page: what stays of "everything". */
export function toggled(selection, id, shown) {
  const ids = new Set(selection.where ? shown : selection.ids);
  if (!ids.delete(id)) ids.add(id);
  return { ids, where: null, anchor: id };
}

/** With all from the anchor to a sample, in the order shown. */
export function ranged(selection, id, shown) {
  const from = shown.indexOf(selection.anchor);
  const to = shown.indexOf(id);
  if (selection.where || from < 0 || to < 0) return toggled(selection, id, shown);
  const part = shown.slice(Math.min(from, to), Math.max(from, to) + 1);
  return { ids: new Set([...selection.ids, ...part]), where: null, anchor: id };
}

/** With the whole page, or without it when all of it was chosen. */
export function pageToggled(selection, shown) {
  if (selection.where) return NOTHING;
  const all = shown.every((id) => selection.ids.has(id));
  const ids = new Set(selection.ids);
  for (const id of shown) all ? ids.delete(id) : ids.add(id);
  return { ids, where: null, anchor: null };
}
