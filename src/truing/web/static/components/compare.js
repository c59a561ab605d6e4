// Two pictures compared: one over the other with an edge to move, side by side, or their difference.

import { html, useEffect, useLayoutEffect, useRef, useState } from "#/html.js";
import { differenceOf, drawDifference } from "#/components/difference.js";
import { useGestures } from "#/components/shared_view.js";

const STEP = 0.02;
const LEAP = 0.1;

/**
 * @typedef {{src: string|null, title: string, alt: string, width: number, height: number, clear?: boolean}} Picture
 * `src` is null while it is fetched; width and height are in pixels, as shown; `clear`: parts of it are transparent.
 */

/**
 * `look` is "slider", "beside" or "difference"; `edge` the share that shows `before`; `swapped` shows each
 * in the place of the other. `name` goes into `data-drawn` once the pictures are on the screen.
 * @param {{name: string|number, before: Picture, after: Picture|null, look: string, edge: number, gain: number, swapped: boolean,
 *   view: import("#/components/shared_view.js").SharedView, onEdge: (share: number) => void, onDrawn?: () => void, onBroken?: (title: string) => void}} props
 */
export function Compare({ name, before, after, look, edge, gain, swapped, view, onEdge, onDrawn, onBroken }) {
  const box = useRef(null);
  const [decoded, setDecoded] = useState(null);
  const pair = after ? [before, after] : [before];
  const chosen = after ? look : "alone";
  const gestures = useGestures(box, view, chosen === "slider" ? onEdge : undefined);
  const sources = pair.map((picture) => picture.src).join(" ");
  useLayoutEffect(() => {
    setDecoded(null);
    if (pair.some((picture) => !picture.src)) return;
    let isOver = false;
    const shown = [...box.current.querySelectorAll("img")];
    const wait = (image) => image.decode().catch(() => !isOver && onBroken?.(image.dataset.title));
    Promise.all(shown.map(wait)).then(() => {
      if (isOver || !shown.every((image) => image.naturalWidth)) return;
      setDecoded(sources);
      onDrawn?.();
    });
    return () => (isOver = true);
  }, [sources]);
  const isDrawn = decoded !== null && decoded === sources;
  const style = { ...view.style, "--edge": `${(edge * 100).toFixed(2)}%`, "--ratio": before.width / before.height };
  return html`<div class="compare" ref=${box} style=${style} data-look=${chosen} data-swapped=${swapped ? "" : undefined} data-near=${view.isWhole ? undefined : ""}
      data-wide=${before.width > before.height ? "" : undefined} data-drawn=${isDrawn ? name : ""} ...${gestures}>
    ${after && html`<${Frame} role="after" picture=${after} />`}
    <${Frame} role="before" picture=${before} />
    ${chosen === "difference" && html`<${Difference} box=${box} isDrawn=${isDrawn} sources=${sources} gain=${gain} />`}
    ${chosen === "slider" && html`<${Edge} box=${box} edge=${edge} titles=${[before.title, after.title]} onEdge=${onEdge} />`}
  </div>`;
}

function Frame({ role, picture }) {
  return html`<figure class="compare-frame compare-${role}" data-frame data-clear=${picture.clear ? "" : undefined}>
    ${picture.src && html`<img key=${picture.src} src=${picture.src} alt=${picture.alt} data-title=${picture.title} draggable=${false} />`}
    <figcaption class="number"><b>${picture.title}</b> ${picture.width} × ${picture.height}</figcaption>
  </figure>`;
}

/** Where one picture ends and the other begins; dragged, or moved with the arrows. */
function Edge({ box, edge, titles, onEdge }) {
  const share = Math.round(edge * 100);
  const drag = (event) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const { left, width } = box.current.getBoundingClientRect();
    onEdge(Math.min(1, Math.max(0, (event.clientX - left) / width)));
  };
  const handlers = {
    onPointerDown: (event) => {
      event.stopPropagation();
      if (event.button === 0) event.currentTarget.setPointerCapture(event.pointerId);
    },
    onPointerMove: drag,
    onKeyDown: (event) => {
      const steps = { ArrowLeft: -STEP, ArrowDown: -STEP, ArrowRight: STEP, ArrowUp: STEP, PageDown: -LEAP, PageUp: LEAP, Home: -1, End: 1 };
      const step = steps[event.key];
      if (step === undefined || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      onEdge(Math.min(1, Math.max(0, edge + step)));
    },
  };
  return html`<div class="compare-edge" role="slider" tabindex="0" aria-label="Edge between ${titles[0].toLowerCase()} and ${titles[1].toLowerCase()}"
    aria-valuemin="0" aria-valuemax="100" aria-valuenow=${share} aria-valuetext="${share} % ${titles[0].toLowerCase()}, ${100 - share} % ${titles[1].toLowerCase()}" ...${handlers}></div>`;
}

function Difference({ box, isDrawn, sources, gain }) {
  const canvas = useRef(null);
  const [difference, setDifference] = useState(null);
  useEffect(() => {
    if (!isDrawn) return setDifference(null);
    const [before, after] = ["before", "after"].map((role) => box.current.querySelector(`.compare-${role} img`));
    setDifference(differenceOf(before, after));
  }, [isDrawn, sources]);
  useLayoutEffect(() => {
    if (difference) drawDifference(canvas.current, difference, gain);
  }, [difference, gain]);
  return html`<figure class="compare-frame compare-apart" data-frame>
    <canvas ref=${canvas} width="1" height="1" role="img" aria-label="The difference of the two pictures, ${gain} times as bright: black where nothing changed" data-gain=${difference ? gain : undefined}></canvas>
    <figcaption><b>Difference</b> × ${gain}</figcaption>
  </figure>`;
}
