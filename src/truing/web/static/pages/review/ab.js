// Two models' results side by side, without their names: which one is better? At /review/ab.

import { html, useCallback, useEffect, useMemo, useRef, useState } from "#/html.js";
import { Icon } from "#/components/icon.js";
import { Empty, Problem, Progress, Waiting } from "#/components/states.js";
import { addKeys, handBack, keysOf, useKeys } from "#/keymap.js";
import { Pair } from "#/pages/review/ab/pair.js";
import { Result } from "#/pages/review/ab/result.js";
import { Sitting } from "#/pages/review/ab/sitting.js";
import { route } from "#/router.js";
import { toast, toastError } from "#/toast.js";

const row = (id, what, keys) => ({ id, group: "Comparing blind", what, keys, where: "page" });

addKeys([
  row("ab.left", "the first one is better", ["ArrowLeft", "1"]),
  row("ab.right", "the second one is better", ["ArrowRight", "2"]),
  row("ab.tie", "no difference", ["=", "t"]),
  row("ab.skip", "skip", ["s"]),
  row("ab.undo", "take the last choice back", ["Ctrl+z", "Meta+z"]),
]);

export function Blind() {
  const { params } = route.value;
  const [first, second] = ["first", "second"].map((name) => params.get(name));
  if (!first || !second) {
    return html`<header class="page-head"><h1>Compare blind</h1></header>
      <${Empty} title="Which two models?" icon="model">
        <p>Choose two of them on the page Models; there is a way from there to here.</p>
        <p><a class="button primary" href="/models">Models</a></p><//>`;
  }
  return html`<${Contest} key=${`${first} ${second}`} first=${first} second=${second} />`;
}

function Contest({ first, second }) {
  const sitting = useMemo(() => new Sitting(first, second), []);
  const [goesOn, setGoesOn] = useState(false);
  const [wantsResult, setWantsResult] = useState(false);
  useEffect(() => {
    sitting.fill();
    return () => sitting.close();
  }, []);
  const progress = sitting.progress.value;
  const item = sitting.current;
  const isLast = !item && sitting.isOver.value && !sitting.skipped.value.length && !sitting.underway.value.length;
  const isDone = wantsResult || (progress?.enough && !goesOn) || isLast;
  const undo = async () => {
    if (await sitting.undo()) {
      setWantsResult(false);
      setGoesOn(true);
    }
  };
  useKeys({ undo: () => undo().catch(toastError), "ab.undo": () => undo().catch(toastError) });
  const goOn = () => {
    setGoesOn(true);
    setWantsResult(false);
    void (sitting.current ?? sitting.lookAgain());
  };
  return html`
    <${Header} progress=${progress} onResult=${!isDone && progress?.counted ? () => setWantsResult(true) : null} />
    ${isDone ? html`<${Done} sitting=${sitting} onGoOn=${goOn} onUndo=${undo} />`
      : html`<${Choosing} sitting=${sitting} item=${item} onUndo=${undo} />`}`;
}

function Header({ progress, onResult }) {
  const label = progress ? `${progress.counted} of about ${progress.about}` : "";
  return html`<header class="page-head ab-head">
    <h1>Which is better?</h1>
    <div class="ab-progress">${progress && html`<${Progress} value=${progress.about ? progress.counted / progress.about : 1} label=${label} />`}</div>
    ${onResult ? html`<button class="compact" onClick=${onResult}>Result so far</button>` : html`<span></span>`}
  </header>`;
}

function Choosing({ sitting, item, onUndo }) {
  const shown = useRef({ item: null, since: 0 });
  const drawn = useCallback(() => void (shown.current = { item, since: performance.now() }), [item]);
  const choose = (choice) => {
    // A key that comes before the pair is drawn was meant for none.
    if (shown.current.item && shown.current.item === sitting.current) sitting.choose(choice, (performance.now() - shown.current.since) / 1000);
  };
  const acts = { left: () => choose("left"), right: () => choose("right"), tie: () => choose("tie"), skip: () => sitting.skip() };
  useKeys({ "ab.left": acts.left, "ab.right": acts.right, "ab.tie": acts.tie, "ab.skip": acts.skip });
  if (!item) return html`<${Nothing} sitting=${sitting} />`;
  return html`<div class="ab" data-pair=${item.told.sample}>
    <${Pair} item=${item} onDrawn=${drawn} />
    <${Actions} acts=${acts} ready=${Boolean(item.asset.value)} onUndo=${onUndo} hasUndo=${sitting.progress.value?.own > 0} />
  </div>`;
}

function Actions({ acts, ready, onUndo, hasUndo }) {
  const act = (deed) => (event) => {
    handBack(event);
    deed();
  };
  return html`<div class="ab-actions" role="toolbar" aria-label="Choose">
    <button class="icon" aria-label="Take the last choice back" title="Take the last choice back (${keysOf("undo")})" disabled=${!hasUndo} onClick=${act(onUndo)}><${Icon} name="undo" /></button>
    <button class="ab-choice" disabled=${!ready} onClick=${act(acts.left)}><kbd>${keysOf("ab.left")}</kbd> <span>First<span class="ab-more"> is better</span></span></button>
    <button class="ab-choice" disabled=${!ready} onClick=${act(acts.tie)}><span class="ab-more">No difference</span><span class="ab-less">Same</span> <kbd>${keysOf("ab.tie")}</kbd></button>
    <button class="ab-choice" disabled=${!ready} onClick=${act(acts.right)}><span>Second<span class="ab-more"> is better</span></span> <kbd>${keysOf("ab.right")}</kbd></button>
    <button class="icon" aria-label="Skip" title="Skip (${keysOf("ab.skip")})" onClick=${act(acts.skip)}><${Icon} name="skip" /></button>
  </div>`;
}

/** No pair at hand: they are on their way, could not be fetched, or were all skipped. */
function Nothing({ sitting }) {
  if (sitting.problem.value) return html`<${Problem} error=${sitting.problem.value} retry=${() => sitting.fill()} />`;
  if (!sitting.isOver.value || sitting.underway.value.length) return html`<section class="card ab-space"><${Waiting} lines=${6} /></section>`;
  return html`<${Empty} title="Only skipped pairs are left" icon="skip">
    <p><button class="primary" onClick=${() => sitting.lookAgain().catch(toastError)}>Look at them again</button></p>
  <//>`;
}

function Done({ sitting, onGoOn, onUndo }) {
  const { own = 0, left = 0 } = sitting.progress.value ?? {};
  const undo = () => onUndo().then(() => toast("the last choice was taken back"));
  return html`<${Result} contest=${sitting.contest} own=${own} actions=${html`
    ${left > 0 && html`<button class="primary" onClick=${onGoOn}>Go on choosing</button>`}
    ${own > 0 && html`<button onClick=${undo} title="${keysOf("undo")}"><${Icon} name="undo" /> Take the last choice back</button>`}`} />`;
}
