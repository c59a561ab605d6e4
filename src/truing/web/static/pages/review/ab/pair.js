// One pair as it is shown: the original on top, the two results below, all looked at in step.

import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "#/html.js";
import { Icon } from "#/components/icon.js";
import { NEAREST, SharedView, useGestures } from "#/components/shared_view.js";
import { Problem, Waiting } from "#/components/states.js";
import { addKeys, keysOf, useKeys } from "#/keymap.js";
import { load } from "#/pages/review/ab/sitting.js";

const NEARER = 1.5;
const PAN_STEP = 0.1;
const WIDE = 1.15;

const row = (id, what, keys) => ({ id, group: "Comparing blind", what, keys, where: "page" });

addKeys([
  row("ab.original", "the original in place of both, while held", ["Space"]),
  row("ab.nearer", "nearer", ["+"]),
  row("ab.farther", "farther", ["-"]),
  row("ab.whole", "whole pictures", ["z"]),
  row("ab.pan-left", "look to the left", ["Shift+ArrowLeft"]),
  row("ab.pan-right", "look to the right", ["Shift+ArrowRight"]),
  row("ab.pan-up", "look up", ["Shift+ArrowUp"]),
  row("ab.pan-down", "look down", ["Shift+ArrowDown"]),
]);

/** @param {{item: import("#/pages/review/ab/sitting.js").Item, onDrawn: () => void}} props */
export function Pair({ item, onDrawn }) {
  const problem = item.problem.value;
  if (problem) return html`<${Problem} error=${problem} retry=${() => load(item)} />`;
  if (!item.asset.value) return html`<div class="card ab-space"><${Waiting} lines=${5} /></div>`;
  const Shown = item.told.kind === "pictures" ? Pictures : Texts;
  return html`<${Shown} key=${item.told.sample} told=${item.told} asset=${item.asset.value} onDrawn=${onDrawn} />`;
}

function Pictures({ told, asset, onDrawn }) {
  const box = useRef(null);
  const view = useMemo(() => new SharedView(), []);
  const [held, hold] = useHeld();
  const [drawn, setDrawn] = useState(false);
  const gestures = useGestures(box, view);
  const size = told.original?.width && told.original?.height ? told.original : { width: 4, height: 3 };
  const ratio = size.width / size.height;
  useLayoutEffect(() => {
    let isOver = false;
    const images = [...box.current.querySelectorAll("img")];
    Promise.all(images.map((image) => image.decode().catch(() => {}))).then(() => {
      if (isOver) return;
      setDrawn(true);
      onDrawn();
    });
    return () => (isOver = true);
  }, []);
  useKeys({
    "ab.original": (event) => hold(event.code),
    "ab.nearer": () => view.zoomBy(NEARER),
    "ab.farther": () => view.zoomBy(1 / NEARER),
    "ab.whole": () => view.reset(),
    "ab.pan-left": () => view.panBy(PAN_STEP, 0),
    "ab.pan-right": () => view.panBy(-PAN_STEP, 0),
    "ab.pan-up": () => view.panBy(0, PAN_STEP),
    "ab.pan-down": () => view.panBy(0, -PAN_STEP),
  });
  const style = { ...view.style, "--ratio": ratio };
  return html`<div class="card ab-pair" ref=${box} style=${style} data-wide=${ratio > WIDE ? "" : undefined} data-near=${view.isWhole ? undefined : ""}
      data-held=${held ? "" : undefined} data-drawn=${drawn ? told.sample : ""} ...${gestures}>
    <div class="ab-asked">
      ${asset.original && html`<${Frame} name="original" title="Original" src=${asset.original} alt="The original" />`}
      <div class="ab-words">
        ${told.instruction && html`<div><h2 class="figure-label">What was asked for</h2><p class="ab-instruction">${told.instruction}</p></div>`}
        <${Tools} view=${view} held=${held} hold=${hold} hasOriginal=${Boolean(asset.original)} />
      </div>
    </div>
    <div class="ab-results">
      <${Frame} name="left" title="First" src=${asset.left} under=${asset.original} alt="The first result" />
      <${Frame} name="right" title="Second" src=${asset.right} under=${asset.original} alt="The second result" />
    </div>
  </div>`;
}

function Frame({ name, title, src, under, alt }) {
  return html`<figure class="compare-frame ab-${name}" data-frame>
    <img src=${src} alt=${alt} draggable=${false} />
    ${under && html`<img class="ab-under" src=${under} alt="" draggable=${false} />`}
    <figcaption><b>${title}</b></figcaption>
  </figure>`;
}

function Tools({ view, held, hold, hasOriginal }) {
  const { zoom } = view.seen.value;
  const button = (key, title, icon, act, off) => html`<button class="icon" aria-label=${title} title="${title} (${keysOf(key)})" disabled=${off} onClick=${act}><${Icon} name=${icon} /></button>`;
  const press = (event) => {
    event.currentTarget.setPointerCapture(event.pointerId);
    hold("pointer");
  };
  const down = (event) => {
    if (!["Space", "Enter"].includes(event.code)) return;
    event.preventDefault();
    hold(event.code);
  };
  return html`<div class="ab-tools" onClick=${blurred}>
    <span class="row nowrap ab-zoom">
      ${button("ab.farther", "Farther", "farther", () => view.zoomBy(1 / NEARER), zoom === 1)}
      <button class="ab-scale number" aria-label="Whole pictures" title="Whole pictures (${keysOf("ab.whole")})" disabled=${zoom === 1} onClick=${() => view.reset()}>${zoom === 1 ? "whole" : `${zoom.toFixed(1)} ×`}</button>
      ${button("ab.nearer", "Nearer", "nearer", () => view.zoomBy(NEARER), zoom >= NEAREST)}
    </span>
    ${hasOriginal && html`<button class="ab-hold" aria-pressed=${String(held)} aria-label="Hold for the original" title="Hold to see the original in place of both (${keysOf("ab.original")})"
      onPointerDown=${press} onPointerUp=${() => hold(null)} onPointerCancel=${() => hold(null)} onKeyDown=${down} onBlur=${() => hold(null)}
      onContextMenu=${(event) => event.preventDefault()}><${Icon} name="flicker" /><span class="ab-more">Hold for the original</span></button>`}
  </div>`;
}

/** After a click of the mouse the keys belong to the page again, not to the button. */
function blurred(event) {
  if (event.detail > 0) event.target.closest("button")?.blur();
}

/** Whether the original stands in place of the results, for as long as a key or a button is down. */
function useHeld() {
  const [code, setCode] = useState(null);
  const now = useRef(null);
  const hold = (next) => {
    now.current = next;
    setCode(next);
  };
  useEffect(() => {
    const up = (event) => event.code === now.current && hold(null);
    const end = () => hold(null);
    window.addEventListener("keyup", up);
    window.addEventListener("blur", end);
    return () => {
      window.removeEventListener("keyup", up);
      window.removeEventListener("blur", end);
    };
  }, []);
  return [code !== null, hold];
}

/** What two models said, under what they heard or saw. */
function Texts({ told, asset, onDrawn }) {
  useLayoutEffect(() => onDrawn(), []);
  const type = told.original?.media_type ?? "";
  return html`<div class="card ab-pair" data-drawn=${told.sample}>
    ${type.startsWith("audio/") && html`<audio controls src=${asset.original} aria-label="What was recorded"></audio>`}
    ${type.startsWith("video/") && html`<video controls src=${asset.original} aria-label="What was recorded"></video>`}
    <div class="ab-results ab-texts">
      ${[["First", asset.left], ["Second", asset.right]].map(([title, text]) => html`<section key=${title} aria-label="${title} result"><h2 class="figure-label">${title}</h2><p class="ab-text">${text || html`<span class="quiet">nothing</span>`}</p></section>`)}
    </div>
  </div>`;
}
