// One pair as it is shown: the original on top, the two results below, all looked at in step.

import { html, useLayoutEffect, useMemo, useRef, useState } from "#/html.js";
import { HoldButton, useHeld } from "#/components/hold.js";
import { SharedView, useGestures } from "#/components/shared_view.js";
import { Problem, Waiting } from "#/components/states.js";
import { Zoom, zoomActs, zoomRows } from "#/components/zoom.js";
import { addKeys, handBack, keysOf, useKeys } from "#/keymap.js";
import { load } from "#/pages/review/ab/sitting.js";

const WIDE = 1.15;

const row = (id, what, keys) => ({ id, group: "Comparing blind", what, keys, where: "page" });

addKeys([
  row("ab.original", "the original in place of both, while held", ["Space"]),
  ...zoomRows("ab", row, ["+"]),
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
  const holding = useHeld();
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
  useKeys({ "ab.original": holding.press, ...zoomActs("ab", view) });
  const style = { ...view.style, "--ratio": ratio };
  return html`<div class="card ab-pair" ref=${box} style=${style} data-wide=${ratio > WIDE ? "" : undefined} data-near=${view.isWhole ? undefined : ""}
      data-held=${holding.held ? "" : undefined} data-drawn=${drawn ? told.sample : ""} ...${gestures}>
    <div class="ab-asked">
      ${asset.original && html`<${Frame} name="original" title="Original" src=${asset.original} alt="The original" />`}
      <div class="ab-words">
        ${told.instruction && html`<div><h2 class="figure-label">What was asked for</h2><p class="ab-instruction">${told.instruction}</p></div>`}
        <${Tools} view=${view} holding=${holding} hasOriginal=${Boolean(asset.original)} />
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

function Tools({ view, holding, hasOriginal }) {
  return html`<div class="ab-tools" onClick=${handBack}>
    <${Zoom} name="ab" view=${view} />
    ${hasOriginal && html`<${HoldButton} holding=${holding} label="Hold for the original" title="Hold to see the original in place of both (${keysOf("ab.original")})">
      <span class="ab-more">Hold for the original</span><//>`}
  </div>`;
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
