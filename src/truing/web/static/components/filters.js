// The filters of lists: a bar with what is used often, a panel with the rest, chips for what counts.
//
// A filter is a plain object of the API's query parameters; the address holds it, so that a reload,
// a bookmark and the back button keep it.

import { html, signal, useEffect, useRef, useState } from "#/html.js";
import { Dialog } from "#/components/dialog.js";
import { Icon } from "#/components/icon.js";
import { modalityTitle, useNames } from "#/components/modality.js";
import { api } from "#/api.js";
import { addKeys, keysOf, useKeys } from "#/keymap.js";
import { route, setParams } from "#/router.js";

/** The parameters that choose samples; `state` may be there several times. */
const FIELDS = [
  "modality", "state", "speaker", "session", "source", "sampling", "finding", "from", "until",
  "confidence_below", "text", "trained", "tag", "rating_from", "quality_from",
];

/** What the quick choice offers: label and states. */
const STATE_GROUPS = [
  ["Any state", []],
  ["Pending", ["pending"]],
  ["Reviewed", ["accepted", "corrected"]],
  ["Accepted", ["accepted"]],
  ["Corrected", ["corrected"]],
  ["Rejected", ["rejected"]],
  ["Skipped", ["skipped"]],
  ["In the trash", ["trashed"]],
];
const STATES = ["pending", "accepted", "corrected", "rejected", "skipped"];
const SAMPLINGS = { audit: "drawn by chance", wholesale: "imported as a whole", chosen: "chosen" };
const TYPING_MS = 250;

addKeys([
  { id: "filter.search", group: "Lists", what: "search the texts", keys: ["/"], where: "page" },
  { id: "filter.panel", group: "Lists", what: "show all filters", keys: ["f"], where: "page" },
]);

/** What is set in a filter, ready for the API; empty values are left out. */
export function filterParams(value) {
  const kept = FIELDS.map((name) => [name, value[name]]).filter(([, one]) => !isEmpty(one));
  return Object.fromEntries(kept);
}

/** The filter in the parameters of an address. */
export function filterFrom(params) {
  const found = Object.fromEntries(FIELDS.map((name) => [name, params.get(name) ?? ""]));
  return filterParams({ ...found, state: params.getAll("state") });
}

/** The filter that the address holds, and how to change it; `reset` names parameters to clear. */
export function useAddressFilter({ reset = [] } = {}) {
  const value = filterFrom(route.value.params);
  const change = (next) => {
    const cleared = Object.fromEntries([...FIELDS, ...reset].map((name) => [name, null]));
    setParams({ ...cleared, ...filterParams(next) });
  };
  return [value, change];
}

/** A filter in words: "pending, speaker theo, below 50 % sure". Empty when nothing is set. */
export function describeFilter(value) {
  return partsOf(value).map((part) => part.label).join(", ");
}

function isEmpty(one) {
  return one === undefined || one === null || one === "" || (Array.isArray(one) && one.length === 0);
}

/** Each thing that is set: its name, how it reads, and what takes it away. */
function partsOf(value) {
  const words = {
    modality: modalityTitle,
    speaker: (one) => `speaker ${one}`,
    session: (one) => `session ${one}`,
    source: (one) => `source ${one}`,
    sampling: (one) => SAMPLINGS[one] ?? one,
    finding: (one) => (one === "any" ? "any finding" : checkName(one)),
    from: (one) => `from ${one}`,
    until: (one) => `before ${one}`,
    confidence_below: (one) => `below ${Math.round(one * 100)} % sure`,
    text: (one) => `“${one}”`,
    trained: (one) => (one === "true" || one === true ? "trained" : "not trained"),
    tag: (one) => `tag ${one}`,
    rating_from: (one) => `rated ${one} or better`,
    quality_from: (one) => `quality ${one} or better`,
  };
  const states = [value.state ?? []].flat().map((one) => ({
    name: `state ${one}`,
    label: one === "trashed" ? "in the trash" : one,
    without: { ...value, state: [value.state].flat().filter((each) => each !== one) },
  }));
  const rest = Object.entries(words)
    .filter(([name]) => !isEmpty(value[name]))
    .map(([name, told]) => ({ name, label: told(value[name]), without: { ...value, [name]: "" } }));
  return [...states, ...rest];
}

/** A check's name for people: `suspect_label` as "suspect label". */
export function checkName(check) {
  return check.replaceAll("_", " ");
}

/** Who asks again within this time is given what is known. */
const FRESH_MS = 10_000;
const known = signal({ modalities: [], speakers: [], sources: [], tags: [], findings: [] });
let askedAt = -FRESH_MS;

/** What filters may be set to: speakers, sources, tags, checks and modalities of the workspace. */
export function useChoices() {
  useEffect(() => {
    if (performance.now() - askedAt < FRESH_MS) return;
    askedAt = performance.now();
    // Without suggestions every field can still be typed into.
    api.get("/api/choices").then((told) => (known.value = told), () => {});
  }, []);
  return known.value;
}

/**
 * The bar. `counts` (state -> number) is shown beside the states when it is given; `states` false
 * leaves states out, for lists that show undecided samples anyway.
 * @param {{value: object, onChange: (next: object) => void, counts?: object, states?: boolean, children?: any}} props
 */
export function FilterBar({ value, onChange, counts, states = true, children }) {
  const [open, setOpen] = useState(false);
  const choices = useChoices();
  const search = useRef(null);
  const parts = partsOf(value);
  useKeys({
    "filter.search": () => { search.current.focus(); search.current.select(); },
    "filter.panel": () => setOpen(true),
  });
  return html`<section class="filters" aria-label="Filters">
    <div class="filters-bar">
      <${Search} box=${search} value=${value.text ?? ""} onChange=${(text) => onChange({ ...value, text })} />
      ${choices.modalities.length > 1 && html`<${KindChoice} value=${value} onChange=${onChange} names=${choices.modalities} />`}
      ${states && html`<${StateChoice} value=${value} onChange=${onChange} counts=${counts} />`}
      <button type="button" aria-haspopup="dialog" title="All filters (${keysOf("filter.panel")})" onClick=${() => setOpen(true)}>
        <${Icon} name="filter" /><span>Filters</span>
        ${parts.length > 0 && html`<span class="chip accent" aria-label="${parts.length} set">${parts.length}</span>`}
      </button>
      ${children}
    </div>
    <${Chips} parts=${parts} onChange=${onChange} />
    ${open && html`<${Panel} ...${{ value, onChange, choices, counts, states }} onClose=${() => setOpen(false)} />`}
  </section>`;
}

function Search({ box, value, onChange }) {
  const timer = useRef(0);
  const send = (text) => {
    clearTimeout(timer.current);
    if (text.trim() !== value) onChange(text.trim());
  };
  useEffect(() => {
    // What somebody types meanwhile is not overwritten.
    if (box.current !== document.activeElement) box.current.value = value;
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const typed = (event) => {
    const text = event.currentTarget.value;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => send(text), TYPING_MS);
  };
  const pressed = (event) => {
    if (event.key === "Enter") send(event.currentTarget.value);
    if (event.key === "Escape") event.currentTarget.blur();
  };
  return html`<label class="filters-search">
    <span class="visually-hidden">Search the texts</span>
    <${Icon} name="search" />
    <input ref=${box} type="search" placeholder="Search texts" defaultValue=${value} maxlength="200"
      title="Search the texts (${keysOf("filter.search")})" onInput=${typed} onKeyDown=${pressed} />
  </label>`;
}

function StateChoice({ value, onChange, counts }) {
  const now = [value.state ?? []].flat();
  const same = (states) => states.length === now.length && states.every((one) => now.includes(one));
  const at = STATE_GROUPS.findIndex(([, states]) => same(states));
  const number = (states) => {
    const known = counts && states.length ? states.map((one) => counts[one]) : [undefined];
    return known.some((one) => one === undefined) ? "" : ` (${known.reduce((sum, one) => sum + one, 0).toLocaleString()})`;
  };
  const changed = (event) => {
    const chosen = STATE_GROUPS[event.currentTarget.value];
    if (chosen) onChange({ ...value, state: chosen[1] });
  };
  return html`<label class="filters-state">
    <span class="visually-hidden">State</span>
    <select value=${at} onChange=${changed}>
      ${at < 0 && html`<option value="-1">Several states</option>`}
      ${STATE_GROUPS.map(([label, states], index) => html`<option key=${label} value=${index}>${label}${number(states)}</option>`)}
    </select>
  </label>`;
}

/** Only where there is more than one kind of samples. */
function KindChoice({ value, onChange, names }) {
  return html`<label class="filters-state">
    <span class="visually-hidden">Kind</span>
    <select value=${value.modality ?? ""} onChange=${(event) => onChange({ ...value, modality: event.currentTarget.value })}>
      <option value="">All kinds</option>
      ${names.map((name) => html`<option key=${name} value=${name}>${modalityTitle(name)}</option>`)}
    </select>
  </label>`;
}

function Chips({ parts, onChange }) {
  if (!parts.length) return null;
  return html`<ul class="filters-chips" aria-label="Filters that are set">
    ${parts.map(
      (part) => html`<li key=${part.name}>
        <button type="button" class="chip accent" aria-label="Remove the filter ${part.label}" onClick=${() => onChange(part.without)}>
          <span class="truncate">${part.label}</span><span aria-hidden="true">×</span>
        </button>
      </li>`,
    )}
    <li><button type="button" class="link small" onClick=${() => onChange({})}>Clear all</button></li>
  </ul>`;
}

function Panel({ value, onChange, choices, counts, states, onClose }) {
  const set = (name) => (event) => onChange({ ...value, [name]: event.currentTarget.value });
  const names = useNames();
  const shared = { value, set };
  return html`<${Dialog} title="Filters" onClose=${onClose}
    actions=${html`<button type="button" onClick=${() => onChange({})}>Clear all</button>
      <button type="button" class="primary" onClick=${onClose}>Show</button>`}>
    ${states && html`<${States} value=${value} onChange=${onChange} counts=${counts} />`}
    <div class="fields">
      <${Pick} ...${shared} name="finding" label="Finding" options=${[["any", "any finding"], ...choices.findings.map(named)]} />
      <${Pick} ...${shared} name="confidence_below" label="Model's confidence" options=${SURE} />
      <${Pick} ...${shared} name="rating_from" label="Rating" options=${RATED} />
      <${Pick} ...${shared} name="quality_from" label="Quality" options=${GOOD} />
      <${Typed} ...${shared} name="speaker" label=${names.person} options=${choices.speakers} />
      <${Typed} ...${shared} name="source" label="Source" options=${choices.sources} />
      <${Typed} ...${shared} name="tag" label="Tag" options=${choices.tags} />
      <${Typed} ...${shared} name="session" label="Session" options=${[]} />
      <label class="field"><span>From</span><input type="date" value=${day(value.from)} max=${day(value.until)} onChange=${set("from")} /></label>
      <label class="field"><span>Before</span><input type="date" value=${day(value.until)} min=${day(value.from)} onChange=${set("until")} /></label>
      <${Pick} ...${shared} name="trained" label="Training" options=${[["false", "not trained on yet"], ["true", "trained on"]]} />
      <${Pick} ...${shared} name="sampling" label="How it came here" options=${Object.entries(SAMPLINGS)} />
    </div>
  <//>`;
}

const SURE = [0.3, 0.5, 0.7, 0.8, 0.9, 0.95].map((share) => [String(share), `below ${Math.round(share * 100)} %`]);
const RATED = [5, 4, 3, 2, 1].map((value) => [String(value), value === 5 ? "5" : `${value} or better`]);
const GOOD = [1, 0.9, 0.75, 0.5].map((share) => [String(share), share === 1 ? "nothing found" : `${share} or better`]);
const named = (one) => [one, checkName(one)];
const day = (told) => (told ? String(told).slice(0, 10) : undefined);

function States({ value, onChange, counts }) {
  const now = [value.state ?? []].flat();
  const toggled = (one) => (now.includes(one) ? now.filter((each) => each !== one) : [...now.filter((each) => each !== "trashed"), one]);
  return html`<fieldset class="stack">
    <legend class="visually-hidden">States</legend>
    <div class="row">
      ${STATES.map(
        (one) => html`<button type="button" key=${one} class="compact" aria-pressed=${String(now.includes(one))}
          onClick=${() => onChange({ ...value, state: toggled(one) })}>
          ${one}${counts?.[one] !== undefined && html` <span class="quiet number">${counts[one].toLocaleString()}</span>`}
        </button>`,
      )}
    </div>
  </fieldset>`;
}

function Pick({ value, set, name, label, options }) {
  const now = value[name] === undefined ? "" : String(value[name]);
  const known = !now || options.some(([one]) => one === now);
  return html`<label class="field"><span>${label}</span>
    <select value=${now} onChange=${set(name)}>
      <option value="">any</option>
      ${!known && html`<option value=${now}>${now}</option>`}
      ${options.map(([one, shown]) => html`<option key=${one} value=${one}>${shown}</option>`)}
    </select>
  </label>`;
}

/** Text counts when the field is left; drawing anew meanwhile leaves what is typed. */
function Typed({ value, set, name, label, options }) {
  const list = `choices-${name}`;
  const now = value[name] ?? "";
  const [text, setText] = useState(now);
  useEffect(() => setText(now), [now]);
  return html`<label class="field"><span>${label}</span>
    <input type="text" value=${text} placeholder="any" maxlength="200" list=${options.length ? list : undefined}
      onInput=${(event) => setText(event.currentTarget.value)} onChange=${set(name)} />
    <datalist id=${list}>${options.map((one) => html`<option key=${one} value=${one} />`)}</datalist>
  </label>`;
}
