// The page "Review": listen, confirm or correct, next. Everything has a key; nothing waits for the server.

import { html, signal, useCallback, useEffect, useLayoutEffect, useState } from "#/html.js";
import { filterParams, useAddressFilter } from "#/components/filters.js";
import { Icon } from "#/components/icon.js";
import { Empty, Problem, Waiting } from "#/components/states.js";
import { connected, useChanges } from "#/changes.js";
import { seconds } from "#/format.js";
import { addKeys, keysOf, useKeys } from "#/keymap.js";
import { wordsOf } from "#/panels.js";
import { route } from "#/router.js";
import { about, unsent } from "#/shell.js";
import { toast, toastError } from "#/toast.js";
import { Blind } from "#/pages/review/ab.js";
import { Details, Findings, reasonOf } from "#/pages/review/aside.js";
import { attend } from "#/pages/review/attention.js";
import { accept, discard, refusal, saveText, setAside, takeBack } from "#/pages/review/decisions.js";
import { Editor, focusEditor, leaveEditor } from "#/pages/review/editor.js";
import { Header, JUMP } from "#/pages/review/header.js";
import { Held } from "#/pages/review/held.js";
import { Proposals, proposalsOf } from "#/pages/review/proposals.js";
import * as queue from "#/pages/review/queue.js";
import { proposalOf } from "#/pages/review/text.js";

export const title = "Review";

const AUTOPLAY = "truing.autoplay";
const autoplay = signal(localStorage.getItem(AUTOPLAY) !== "0");

const row = (id, what, keys, where = "page") => ({ id, group: "Review", what, keys, where });

addKeys([
  row("review.save-next", "save and go to the next", ["Ctrl+Enter", "Meta+Enter"], "both"),
  row("review.save", "save and stay", ["Ctrl+s", "Meta+s"], "both"),
  row("review.mark", "mark as reviewed as it stands", ["Ctrl+r"], "both"),
  row("review.accept", "accept what was proposed, next", ["a"]),
  row("review.reject", "reject, next", ["x"]),
  row("review.skip", "skip, next", ["s"]),
  row("review.delete", "delete (into the trash), next", ["Ctrl+d"], "both"),
  row("review.previous", "previous", ["ArrowLeft", "k"]),
  row("review.next", "next", ["ArrowRight", "j"]),
  row("review.previous-editor", "previous, while typing too", ["Alt+ArrowLeft"], "both"),
  row("review.next-editor", "next, while typing too", ["Alt+ArrowRight"], "both"),
  row("review.undecided", "skip to the next unreviewed", ["n"]),
  row("review.edit", "edit the text", ["e"]),
  row("review.leave", "leave the editor", ["Escape"], "editor"),
  row("review.jump", "jump to a number", ["#"]),
  row("text.undo", "undo typing", ["Ctrl+z", "Meta+z"], "editor"),
  row("text.redo", "redo typing", ["Ctrl+y", "Ctrl+Shift+z", "Meta+Shift+z"], "editor"),
  row("text.empty", "start with an empty text", ["0"]),
  ...Array.from({ length: 9 }, (_, at) => row(`review.take-${at + 1}`, `take reading ${at + 1}`, [String(at + 1)])),
]);

export function Page() {
  return route.value.rest[0] === "ab" ? html`<${Blind} />` : html`<${Queue} />`;
}

function Queue() {
  const [filter, setFilter] = useAddressFilter();
  const [refused, setRefused] = useState(false);
  const item = queue.current.value;
  useQueue(filter);
  useLayoutEffect(() => {
    setRefused(false);
    attend(item);
  }, [item]);
  useFlush(item);
  const acts = actions(item, setRefused);
  useKeys(bindings(item, acts));
  useChanges("samples", heard);
  useReconnection(item, acts);
  return html`
    <${Header} filter=${filter} onFilter=${setFilter} onJump=${acts.jump} />
    <${Held} />
    ${item ? html`<${Item} item=${item} acts=${acts} refused=${refused} />` : html`<${Nothing} filter=${filter} onFilter=${setFilter} acts=${acts} />`}`;
}

/** The queue follows the address: its filter, and a number that is shown first. */
function useQueue(filter) {
  useEffect(() => {
    const { params, rest } = route.value;
    const wanted = Number.parseInt(rest[0] ?? "", 10);
    const order = params.get("order");
    const asked = { ...filterParams(filter), ...(order && { order }) };
    queue.begin(asked, wanted > 0 ? wanted : null).catch(toastError);
    // The person goes on from there, and a reload should not go back.
    if (wanted > 0) history.replaceState({}, "", `/${route.value.page}${location.search}`);
  }, [route.value]);
  useEffect(() => () => attend(null), []);
}

/** News that cannot be looked up now are looked up with the next. */
function heard(data) {
  queue.lookAgain(data).catch(() => {});
}

/** When the server is back, the work goes on by itself. */
function useReconnection(item, acts) {
  const [isOpen, isSent] = [connected.value, unsent.value === 0];
  useEffect(() => {
    if ((isOpen || isSent) && !item && queue.problem.value?.passing) acts.next();
  }, [isOpen, isSent]);
}

/** Drafts are written when the page goes away. */
function useFlush(item) {
  useEffect(() => {
    const flush = () => item?.text.flush();
    window.addEventListener("pagehide", flush);
    return () => {
      window.removeEventListener("pagehide", flush);
      flush();
    };
  }, [item]);
}

/** What can be done with the item; every key and every button goes through these. */
function actions(item, setRefused) {
  const may = about.value?.rights?.includes("review") ?? true;
  const going = (go) => () => Promise.resolve(go()).catch(toastError);
  const forward = going(queue.forward);
  const decided = (decide, { stay = false } = {}) => () => {
    // A key that comes before the next item is drawn was meant for none.
    if (!item || item !== queue.current.peek() || queue.isMoving()) return;
    if (!may) return void toast("you may look, but not decide", { kind: "bad" });
    if (decide() !== false && !stay) forward();
  };
  const saved = () => {
    if (!refusal(item.text.value.value, wordsOf(item.sample.value.modality))) return saveText(item);
    setRefused(true);
    focusEditor();
    return false;
  };
  return {
    may,
    saveNext: decided(saved),
    save: decided(() => (item.text.isChanged ? saved() : unchanged(item)), { stay: true }),
    mark: decided(() => (item.text.isChanged || queue.isUndecided(item) ? saved() : unchanged(item)), { stay: true }),
    accept: decided(() => accepted(item)),
    reject: decided(() => setAside(item, "rejected")),
    skip: decided(() => setAside(item, "skipped")),
    discard: decided(() => discard(item)),
    next: forward,
    undecided: going(queue.forwardToUndecided),
    previous: () => queue.back() || toast("this is the first"),
    jump: (id) => queue.jump(id).catch(toastError),
    take: (at) => taken(item, at),
  };
}

function unchanged(item) {
  toast(queue.isUndecided(item) ? `nothing was changed; ${keysOf("review.mark")} marks it as reviewed` : "nothing was changed");
  return false;
}

function accepted(item) {
  if (item.text.isChanged) {
    toast(`the text was edited: ${keysOf("review.save-next")} saves it`);
    return false;
  }
  if (proposalOf(item.sample.value)?.trim()) return accept(item);
  toast("no model has proposed anything to accept");
  return false;
}

function taken(item, at) {
  const line = item && proposalsOf(item.sample.value)[at];
  if (line) item.text.set(line.text.trim());
}

function bindings(item, acts) {
  const always = {
    "review.previous": acts.previous,
    "review.next": acts.next,
    "review.previous-editor": acts.previous,
    "review.next-editor": acts.next,
    "review.undecided": acts.undecided,
    "review.jump": () => document.getElementById(JUMP)?.focus(),
    "review.leave": leaveEditor,
    undo: () => takeBack().catch(toastError),
  };
  if (!item) return always;
  return {
    ...always,
    "review.save-next": acts.saveNext,
    "review.save": acts.save,
    "review.mark": acts.mark,
    "review.accept": acts.accept,
    "review.reject": acts.reject,
    "review.skip": acts.skip,
    "review.delete": acts.discard,
    "review.edit": focusEditor,
    "text.undo": () => item.text.undo(),
    "text.redo": () => item.text.redo(),
    "text.empty": () => item.text.set(""),
    ...Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`review.take-${at + 1}`, () => acts.take(at)])),
  };
}

function Item({ item, acts, refused }) {
  const sample = item.sample.value;
  const text = item.text.value.value;
  return html`<div class="columns review" data-sample=${sample.id}>
    <div class="sections">
      <section class="card review-player" aria-label=${wordsOf(sample.modality).medium}>
        <${Heading} item=${item} />
        <${Shown} item=${item} />
      </section>
      <section class="card review-text" aria-label="Text">
        <${Editor} item=${item} readOnly=${!acts.may} showRefusal=${refused} />
        <${Proposals} sample=${sample} text=${text} onTake=${(taking) => item.text.set(taking.trim())} />
      </section>
    </div>
    <aside class="sections">
      <section class="card"><h2>Findings</h2><${Findings} findings=${sample.findings} /></section>
      <section class="card"><h2>Details</h2><${Details} item=${item} /></section>
    </aside>
    <${Actions} item=${item} acts=${acts} />
  </div>`;
}

const STATE_KINDS = { accepted: "good", corrected: "good", rejected: "bad", skipped: "warn", pending: "" };

function Heading({ item }) {
  const sample = item.sample.value;
  const asset = item.asset.value;
  const sure = sample.confidence;
  const { Badges, still } = item.panel ?? {};
  return html`<div class="review-heading">
    <h2 class="number">#${sample.id}</h2>
    <span class="chip ${STATE_KINDS[sample.state] ?? ""}">${sample.state}</span>
    ${sure !== null && html`<span class="chip number ${sure < 0.6 ? "warn" : ""}">${Math.round(sure * 100)} % sure</span>`}
    ${Badges && html`<${Badges} sample=${sample} asset=${asset} />`}
    <span class="quiet small">${[sample.speaker, sample.duration !== null && seconds(sample.duration), reasonOf(item.because)].filter(Boolean).join(" · ")}</span>
    ${!still && html`<label class="check small quiet review-autoplay"><input type="checkbox" checked=${autoplay.value} onChange=${toggleAutoplay} /> Play at once</label>`}
  </div>`;
}

function toggleAutoplay(event) {
  autoplay.value = event.target.checked;
  localStorage.setItem(AUTOPLAY, autoplay.value ? "1" : "0");
}

/** The modality's player; the same one stays for the next sample of the modality. */
function Shown({ item }) {
  const [unplayable, setUnplayable] = useState(null);
  const report = useCallback((error) => setUnplayable({ item, error }), [item]);
  const failed = item.problem.value ?? (unplayable?.item === item ? unplayable.error : null);
  const asset = item.asset.value;
  const Player = item.panel?.Player;
  if (failed) return html`<${Problem} error=${failed} retry=${() => { setUnplayable(null); void queue.load(item); }} />`;
  if (!Player) return html`<div class="review-player-space"><${Waiting} lines=${3} /></div>`;
  return html`<${Player} sample=${item.sample.value} asset=${asset} autoplay=${autoplay.value} onProblem=${report} />`;
}

function Actions({ item, acts }) {
  const isChanged = item.text.isChanged;
  const decided = !queue.isUndecided(item);
  const button = (id, label, act, icon, options = {}) => html`<button class=${options.kind ?? ""} onClick=${(event) => clicked(event, act)}
      title="${options.title ?? label} (${keysOf(id)})" aria-label=${options.title ?? label} disabled=${!acts.may || options.disabled}>
    <${Icon} name=${icon} /><span class="action-label">${label}</span></button>`;
  return html`<div class="review-actions" role="toolbar" aria-label="Decide">
    <button class="icon" aria-label="Previous" title="Previous (${keysOf("review.previous")})" onClick=${acts.previous}><${Icon} name="previous" /></button>
    <button class="primary" title="Save and go to the next (${keysOf("review.save-next")})" disabled=${!acts.may}
      onClick=${(event) => clicked(event, acts.saveNext)}>Save & next <kbd>${keysOf("review.save-next")}</kbd></button>
    ${button("review.accept", "Accept", acts.accept, "check", { disabled: isChanged || !proposalOf(item.sample.value), title: wordsOf(item.sample.value.modality).accept })}
    ${button("review.mark", decided ? "Reviewed" : "Mark reviewed", acts.mark, "review", { kind: "secondary", title: "Mark as reviewed as it stands" })}
    ${button("review.reject", "Reject", acts.reject, "cross")}
    ${button("review.skip", "Skip", acts.skip, "skip")}
    ${button("review.delete", "Delete", acts.discard, "trash", { kind: "danger" })}
    <button class="icon" aria-label="Next unreviewed" title="Next unreviewed (${keysOf("review.undecided")})" onClick=${acts.undecided}><${Icon} name="next" /></button>
  </div>`;
}

/** After a click of the mouse the keys belong to the page again, not to the button. */
function clicked(event, act) {
  if (event.detail > 0) leaveEditor();
  act();
}

function Nothing({ filter, onFilter, acts }) {
  if (queue.problem.value) return html`<${Problem} error=${queue.problem.value} retry=${acts.next} />`;
  if (!queue.ended.value) return html`<${Waiting} lines=${6} />`;
  const filtered = Object.keys(filterParams(filter)).length > 0;
  const total = queue.counts.value?.total ?? 0;
  if (filtered) {
    return html`<${Empty} title="Nothing left with this filter" icon="filter">
      <p>Everything that matches has been looked at.</p>
      <p><button onClick=${() => onFilter({})}>Clear the filter</button></p>
    <//>`;
  }
  if (!total) {
    return html`<${Empty} title="Nothing to review yet" icon="mic">
      <p><a href="/record">Record something</a>, or bring in what another app has kept: <code>truing import</code>.</p>
    <//>`;
  }
  return html`<${Empty} title="All done" icon="check">
    <p>Every sample has been looked at. New ones appear here by themselves.</p>
    <p class="row"><a class="button primary" href="/train">Train with them</a> <button onClick=${acts.previous}>Back to the last</button></p>
  <//>`;
}
