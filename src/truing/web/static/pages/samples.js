// The page "Samples": the list with its filters, what is chosen in it, and one sample beside it.

import { html, useCallback, useEffect, useMemo, useRef, useState } from "#/html.js";
import { Dialog } from "#/components/dialog.js";
import { FilterBar, filterParams, useAddressFilter, useChoices } from "#/components/filters.js";
import { Icon } from "#/components/icon.js";
import { Empty, Problem, Waiting, useFetched } from "#/components/states.js";
import { address, api } from "#/api.js";
import { useChanges } from "#/changes.js";
import { count, counted } from "#/format.js";
import { addKeys, keysOf, useKeys } from "#/keymap.js";
import { navigate, route, setParams } from "#/router.js";
import { about } from "#/shell.js";
import { toast, toastError, undoNewest } from "#/toast.js";
import { BatchBar } from "#/pages/samples/batch_bar.js";
import { doToAll, undoAll } from "#/pages/samples/batch.js";
import { SampleDetail } from "#/pages/samples/detail.js";
import { SavedFilters } from "#/pages/samples/saved.js";
import { NOTHING, everything, isEmpty, pageToggled, ranged, toggled } from "#/pages/samples/selection.js";
import { SampleTable } from "#/pages/samples/table.js";

export const title = "Samples";

const ON_A_PAGE = 50;
const ORDERS = {
  newest: "Newest first",
  oldest: "Oldest first",
  "least-confident": "Least sure first",
  "lowest-quality": "Lowest quality first",
};
/** What is said of a deed: while it goes on, and when it is done. */
const WORDS = {
  accept: ["Accepting", "accepted"],
  reject: ["Rejecting", "rejected"],
  delete: ["Deleting", "moved to the trash"],
  restore: ["Taking back", "taken back"],
  "set-speaker": ["Setting the speaker of", "given a speaker"],
  tag: ["Tagging", "tagged"],
  untag: ["Untagging", "untagged"],
  replace: ["Replacing in", "changed"],
};

addKeys([
  { id: "rows.next", group: "Samples", what: "next row", keys: ["j", "ArrowDown"], where: "page" },
  { id: "rows.previous", group: "Samples", what: "previous row", keys: ["k", "ArrowUp"], where: "page" },
  { id: "rows.open", group: "Samples", what: "open the row", keys: ["Enter"], where: "page" },
  { id: "rows.close", group: "Samples", what: "close the sample, then select nothing", keys: ["Escape"], where: "page" },
  { id: "rows.select", group: "Samples", what: "select the row", keys: ["x"], where: "page" },
  { id: "rows.range", group: "Samples", what: "select from the last selected row to here", keys: ["X"], where: "page" },
  { id: "rows.page", group: "Samples", what: "select the page", keys: ["Ctrl+a"], where: "page" },
  { id: "rows.accept", group: "Samples", what: "accept the selected rows, or this one", keys: ["a"], where: "page" },
  { id: "rows.reject", group: "Samples", what: "reject them", keys: ["r"], where: "page" },
  { id: "rows.delete", group: "Samples", what: "move them to the trash", keys: ["Delete", "#"], where: "page" },
  { id: "rows.tag", group: "Samples", what: "tag the selected rows", keys: ["t"], where: "page" },
  { id: "rows.order", group: "Samples", what: "next order", keys: ["o"], where: "page" },
  { id: "rows.forward", group: "Samples", what: "next page", keys: ["]"], where: "page" },
  { id: "rows.back", group: "Samples", what: "previous page", keys: ["["], where: "page" },
]);

export function Page() {
  const [filter, setFilter] = useAddressFilter({ reset: ["after"] });
  const { params } = route.value;
  const order = params.get("order") in ORDERS ? params.get("order") : "newest";
  const place = { filter: filterParams(filter), order, after: params.get("after") };
  const list = useList(place);
  const choices = useChoices();
  const [selection, setSelection] = useState(NOTHING);
  const filterKey = JSON.stringify(place.filter);
  useEffect(() => setSelection((now) => (now.where ? NOTHING : now)), [filterKey]);
  const trash = [filter.state ?? []].flat().includes("trashed");
  const pages = usePages(place, list);
  return html`<header class="page-head">
      <h1>${trash ? "Samples in the trash" : "Samples"}</h1>
      <div class="row">${trash
        ? html`<a class="button" href="/samples">All samples</a>`
        : html`<a class="button" href=${address("/samples", { state: "trashed" })}><${Icon} name="trash" />Trash</a>`}</div>
    </header>
    <div class="sections samples">
      <${FilterBar} value=${filter} onChange=${setFilter} counts=${list.counts}>
        <${OrderChoice} order=${order} />
        <${SavedFilters} filter=${filter} onChange=${setFilter} />
      <//>
      ${trash && html`<p class="notice">Deleted samples wait here and can be taken back; after some days they are erased for good.</p>`}
      <${Listed} ...${{ list, place, pages, selection, setSelection, choices, trash, order }} />
    </div>`;
}

function setOrder(order) {
  setParams({ order: order === "newest" ? null : order, after: null });
}

function OrderChoice({ order }) {
  return html`<label class="filters-state"><span class="visually-hidden">Order</span>
    <select value=${order} title="Order (${keysOf("rows.order")})" onChange=${(event) => setOrder(event.currentTarget.value)}>
      ${Object.entries(ORDERS).map(([name, label]) => html`<option key=${name} value=${name}>${label}</option>`)}
    </select>
  </label>`;
}

/** What this page has just done itself is no news to it. */
let quietUntil = 0;
const QUIET_MS = 3000;

/** A page of the list with what is known of the whole: counts come from counters, nothing is walked. */
function useList({ filter, order, after }) {
  const key = JSON.stringify([filter, order, after]);
  const page = useFetched(() => api.get("/api/samples", { ...filter, order, after, limit: ON_A_PAGE }), [key]);
  const counts = useFetched(() => api.get("/api/counts", { modality: filter.modality }), [filter.modality]);
  const [news, setNews] = useState(false);
  const items = page.data?.items ?? [];
  const shown = useRef(new Set());
  shown.current = new Set(items.map((one) => one.id));
  const reload = useCallback(async () => {
    setNews(false);
    quietUntil = Date.now() + QUIET_MS;
    // Figures of a large workspace take longer than a page of it.
    counts.reload();
    await page.reload();
  }, [page.reload, counts.reload]);
  useEffect(() => setNews(false), [key]);
  useChanges("samples", useCallback((told) => {
    if (told.ids?.some((id) => shown.current.has(id))) page.reload();
    else if (Date.now() > quietUntil) setNews(true);
  }, [page.reload]));
  const total = totalOf(filter, counts.data, page.data, after);
  return { ...page, items, next: page.data?.next ?? null, counts: counts.data, total, news, reload };
}

/** How many samples a filter lets through, where the counters or a single page tell; else null. */
function totalOf(filter, counts, page, after) {
  if (page && !page.next && !after) return page.items.length;
  const { state, ...rest } = filter;
  if (!counts || Object.keys(rest).length) return null;
  if (!state) return counts.total;
  const each = [state].flat().map((one) => counts[one]);
  return each.some((one) => one === undefined) ? null : each.reduce((sum, one) => sum + one, 0);
}

/** Going through pages by key: the way back is remembered, for a reload it leads to the beginning. */
function usePages(place, list) {
  const trail = useRef([]);
  const key = JSON.stringify([place.filter, place.order]);
  useEffect(() => void (trail.current = []), [key]);
  const scrolled = () => window.scrollTo(0, 0);
  return {
    number: trail.current.length + 1,
    forward: list.next && (() => {
      trail.current.push(place.after);
      setParams({ after: list.next }, { replace: false });
    }),
    back: place.after && (() => {
      setParams({ after: trail.current.pop() ?? null });
      scrolled();
    }),
  };
}

const may = (right) => about.value?.rights.includes(right) ?? false;

function Listed({ list, place, pages, selection, setSelection, choices, trash, order }) {
  const [current, setCurrent, now] = useCurrent();
  const [version, setVersion] = useState(0);
  const ids = useMemo(() => list.items.map((one) => one.id), [list.items]);
  const open = openOf(route.value.rest);
  const changed = useCallback(async () => {
    setVersion((now) => now + 1);
    await list.reload();
  }, [list.reload]);
  const { deed, progress, failed, dismissFailed } = useDeeds(changed);
  const pick = (id, range) => setSelection((now) => (range ? ranged : toggled)(now, id, ids));
  const here = () => open ?? ids[now.current];
  const moves = useMoves({ ids, now, setCurrent, open, pages });
  const doDeed = async (given, { only, count: changes } = {}) => {
    const chosen = only ?? selection;
    if (!isEmpty(chosen) && (await deed(chosen, given, changes)) && !only) setSelection(NOTHING);
  };
  const onKey = (action) => may("review") && doDeed({ action }, { only: open !== null || isEmpty(selection) ? oneOf(here()) : undefined });
  useKeys({
    "rows.next": () => moves.step(1),
    "rows.previous": () => moves.step(-1),
    "rows.open": () => here() !== undefined && show(here()),
    "rows.close": () => (open !== null ? close() : setSelection(NOTHING)),
    "rows.select": () => here() !== undefined && pick(here(), false),
    "rows.range": () => here() !== undefined && pick(here(), true),
    "rows.page": () => setSelection((now) => pageToggled(now, ids)),
    "rows.accept": () => onKey("accept"),
    "rows.reject": () => onKey("reject"),
    "rows.delete": () => onKey("delete"),
    "rows.order": () => setOrder(Object.keys(ORDERS)[(Object.keys(ORDERS).indexOf(order) + 1) % Object.keys(ORDERS).length]),
    "rows.forward": () => pages.forward?.(),
    "rows.back": () => pages.back?.(),
    undo: () => undoNewest() || undoLast(changed),
  });
  return html`
    ${!isEmpty(selection) && html`<${BatchBar} ...${{ selection, trash, progress, choices, total: list.total, shown: ids.length }}
      onDeed=${(given, number) => doDeed(given, { count: number })} onEverything=${() => setSelection(everything(place.filter))} onNothing=${() => setSelection(NOTHING)} />`}
    ${list.news && html`<p class="notice row between" role="status">Something has changed.
      <button type="button" class="compact" onClick=${list.reload}>Show it</button></p>`}
    <${Rows} ...${{ list, current, selection, order, place, trash }} onCurrent=${setCurrent} onPick=${pick}
      onPage=${() => setSelection((now) => pageToggled(now, ids))} />
    <${Pager} pages=${pages} list=${list} />
    ${open !== null && html`<${SampleDetail} id=${open} version=${version} onClose=${close} onChanged=${list.reload} onStep=${moves.step} onDeed=${(action) => doDeed({ action }, { only: oneOf(open) })} />`}
    ${failed.length > 0 && html`<${FailedDialog} failed=${failed} onClose=${dismissFailed} />`}
  `;
}

const oneOf = (id) => (id === undefined || id === null ? NOTHING : { ids: new Set([id]), where: null, anchor: null });

/** The sample that the address names. */
function openOf(rest) {
  return /^\d{1,18}$/.test(rest[0] ?? "") ? Number(rest[0]) : null;
}

const hrefOf = (id) => `/samples${id === null ? "" : `/${id}`}${location.search}`;
const show = (id) => navigate(hrefOf(id), { still: true, replace: openOf(route.value.rest) !== null });

function close() {
  const id = openOf(route.value.rest);
  navigate(hrefOf(null), { replace: true });
  requestAnimationFrame(() => document.querySelector(`tr[data-sample="${id}"] a`)?.focus());
}

/** The row that keys are meant for: drawn from state, read from a reference, as keys may come faster than drawing. */
function useCurrent() {
  const [current, setState] = useState(-1);
  const now = useRef(-1);
  const setCurrent = useCallback((at) => {
    now.current = at;
    setState(at);
  }, []);
  return [current, setCurrent, now];
}

/** Moving through the rows; at the end of a page the next one comes. */
function useMoves({ ids, now, setCurrent, open, pages }) {
  const landing = useRef(null);
  const focus = (at) => document.querySelector(`tr[data-sample="${ids[at]}"] a`)?.focus();
  useEffect(() => {
    if (landing.current === null || !ids.length) return;
    const at = landing.current > 0 ? 0 : ids.length - 1;
    landing.current = null;
    setCurrent(at);
    focus(at);
  }, [ids]);
  const step = (by) => {
    const from = open !== null && ids.includes(open) ? ids.indexOf(open) : now.current;
    const at = from + by;
    if (ids[at] !== undefined) {
      setCurrent(at);
      return open !== null ? show(ids[at]) : focus(at);
    }
    const turn = by > 0 ? pages.forward : pages.back;
    if (turn && open === null) {
      landing.current = by;
      turn();
    }
    return undefined;
  };
  return { step };
}

/** Doing things to many: shows how far it is, tells what came of it, offers one undo. */
function useDeeds(changed) {
  const [progress, setProgress] = useState(null);
  const [failed, setFailed] = useState([]);
  const deed = async (selection, given, changes) => {
    const [what, done] = WORDS[given.action];
    setProgress({ what, done: 0, total: null });
    quietUntil = Infinity;
    const outcome = await doToAll(selection, given, (number, total) => setProgress({ what, done: number, total }));
    setProgress(null);
    setFailed(outcome.failed);
    const undo = outcome.undos.length ? () => takeBack(outcome.undos, changed) : undefined;
    if (undo) last.undos = outcome.undos;
    if (outcome.done || !outcome.error) toast(`${counted(changes ?? outcome.done, "sample")} ${done}`, { kind: "good", undo });
    if (outcome.error) toastError(outcome.error);
    await changed();
    return !outcome.error && outcome.failed.length === 0;
  };
  return { deed, progress, failed, dismissFailed: () => setFailed([]) };
}

/** The newest batch of this page, for the undo key when its message has gone. */
const last = { undos: [] };

async function takeBack(undos, changed) {
  if (last.undos === undos) last.undos = [];
  try {
    await undoAll(undos);
    toast("Taken back", { kind: "good" });
  } catch (error) {
    toastError(error);
  }
  await changed();
}

function undoLast(changed) {
  if (last.undos.length) takeBack(last.undos, changed);
  else toast("Nothing to undo here");
}

function Rows({ list, place, trash, ...shared }) {
  if (list.error && !list.data) return html`<${Problem} error=${list.error} retry=${list.reload} />`;
  if (!list.data) return html`<${Waiting} lines=${10} />`;
  if (!list.items.length) return html`<${Nothing} filtered=${Object.keys(place.filter).length > 0} trash=${trash} />`;
  return html`
    ${list.error && html`<${Problem} error=${list.error} retry=${list.reload} />`}
    <${SampleTable} ...${shared} items=${list.items} busy=${list.loading} hrefOf=${hrefOf} pickable=${may("review")}
      onOrder=${setOrder} onOpen=${show} />`;
}

function Nothing({ filtered, trash }) {
  if (trash) return html`<${Empty} title="The trash is empty" icon="trash"><p>What you delete waits here for some days.</p><//>`;
  if (filtered) {
    return html`<${Empty} title="No sample matches" icon="filter">
      <p>Take away a filter above, or all of them.</p><a class="button" href="/samples">Show all samples</a><//>`;
  }
  return html`<${Empty} title="No samples yet" icon="list">
    <p>Record or add one here, or bring in what you have: <a href="/">Home</a> shows the ways.</p>
    <a class="button primary" href="/record">Record</a><//>`;
}

function Pager({ pages, list }) {
  if (!pages.forward && !pages.back) {
    return list.items.length > 0 && html`<p class="small quiet" role="status">${counted(list.items.length, "sample")}</p>`;
  }
  return html`<nav class="row between" aria-label="Pages of the list">
    <span class="small quiet" role="status">Page ${count(pages.number)}${list.total === null ? "" : ` of ${count(Math.ceil(list.total / ON_A_PAGE))}, ${counted(list.total, "sample")}`}</span>
    <span class="row">
      <button type="button" disabled=${!pages.back} title="Previous page (${keysOf("rows.back")})" onClick=${pages.back}><${Icon} name="previous" />Previous</button>
      <button type="button" disabled=${!pages.forward} title="Next page (${keysOf("rows.forward")})" onClick=${pages.forward}>Next<${Icon} name="next" /></button>
    </span>
  </nav>`;
}

function FailedDialog({ failed, onClose }) {
  return html`<${Dialog} title="${counted(failed.length, "sample")} stayed as they were" onClose=${onClose}
    actions=${html`<button type="button" class="primary" onClick=${onClose}>Close</button>`}>
    <ul class="stack">
      ${failed.slice(0, 200).map((one) => html`<li key=${one.id}><a href=${hrefOf(one.id)} onClick=${onClose}>Sample ${one.id}</a>: ${one.error.message}
        ${one.error.hint && html`<span class="small quiet"> ${one.error.hint}</span>`}</li>`)}
    </ul>
  <//>`;
}
