// How image edits are shown in the pages: before and after, side by side, their difference, near and far.

import { html, signal, useEffect, useLayoutEffect, useMemo, useRef, useState } from "#/html.js";
import { Compare } from "#/components/compare.js";
import { factRows } from "#/components/facts.js";
import { HoldButton, useHeld } from "#/components/hold.js";
import { Icon } from "#/components/icon.js";
import { onceSeen } from "#/components/seen.js";
import { SharedView } from "#/components/shared_view.js";
import { Zoom, zoomActs, zoomRows } from "#/components/zoom.js";
import { address, api, ApiError, blobAt } from "#/api.js";
import { bytes, percent } from "#/format.js";
import { handBack, keysOf, useKeys } from "#/keymap.js";
import { about } from "#/shell.js";
import { toastError } from "#/toast.js";

const LOOK = "truing.edits.look";
const GAIN = "truing.edits.gain";
const GAINS = [1, 2, 4, 8, 16];
const EDGE_STEP = 0.05;
/** Characters: the same limit as the check `instruction_too_long` has unless it is set. */
const LONG_TEXT = 300;
/** Bytes; more is fetched as it is shown. */
const FETCHED_WHOLE = 12_000_000;
/** What browsers show as it is kept; animations would move, and only their first picture counts. */
const SHOWN = ["jpeg", "png", "webp", "gif", "bmp", "avif"];
/** Shapes that differ by less look the same. */
const SAME_SHAPE = 0.01;
const STARS = [1, 2, 3, 4, 5];

const row = (id, what, keys, where = "page") => ({ id, group: "Comparing", what, keys, where });

const keys = [
  row("edit.flicker", "the other picture, while held", ["Space"]),
  row("edit.flicker-editor", "the other picture, while held; while typing too", ["Ctrl+Space"], "both"),
  row("edit.look", "slider, side by side, difference in turn", ["v"]),
  row("edit.beside", "side by side, on or off", ["b"]),
  row("edit.difference", "the difference, on or off", ["d"]),
  row("edit.left", "edge to the left", [","]),
  row("edit.right", "edge to the right", ["."]),
  ...zoomRows("edit", row, ["+", "="]),
  row("edit.weaker", "difference less bright", ["["]),
  row("edit.stronger", "difference brighter", ["]"]),
  ...STARS.map((stars) => row(`edit.rate-${stars}`, `rate it ${stars} of 5`, [`q ${stars}`])),
];

const LOOKS = [
  { name: "slider", title: "Slider", icon: "slider", key: "edit.look" },
  { name: "beside", title: "Side by side", word: "Beside", icon: "beside", key: "edit.beside" },
  { name: "difference", title: "Difference", icon: "difference", key: "edit.difference" },
];
const TITLES = { original: "Original", edited: "Edited" };

const look = signal(LOOKS.find(({ name }) => name === localStorage.getItem(LOOK))?.name ?? "slider");
const gain = signal(GAINS.find((one) => one === Number(localStorage.getItem(GAIN))) ?? 2);
const edge = signal(0.5);

function setLook(name) {
  look.value = name;
  localStorage.setItem(LOOK, name);
}

function setGain(value) {
  gain.value = value;
  localStorage.setItem(GAIN, String(value));
}

const stronger = (by) => setGain(GAINS[Math.min(GAINS.length - 1, Math.max(0, GAINS.indexOf(gain.value) + by))]);
const setEdge = (share) => (edge.value = Math.min(1, Math.max(0, share)));

const mediumOf = (sample, role) => sample.media?.find((medium) => medium.role === role);
/** In the address, so that no cache takes another workspace's picture for this one. */
const digestOf = (sample) => sample.media?.map((medium) => medium.digest.slice(7, 23)).join("-");
const mediaOf = (sample, role, params = {}) => address(`/api/samples/${sample.id}/media/${role}`, { of: digestOf(sample), ...params });
const previewOf = (sample, params) => api.get(`/api/samples/${sample.id}/preview`, { of: digestOf(sample), ...params });

/** Where a picture is in a form that browsers show. */
function pictureOf(sample, role) {
  const { format, animated, damage } = mediumOf(sample, role).facts;
  return mediaOf(sample, role, SHOWN.includes(format) && !animated && !damage ? {} : { format: "png" });
}

/** Both pictures. Their figures come when they are measured: nobody waits for them. */
async function load(sample, { signal: stop } = {}) {
  if (!mediumOf(sample, "original")) throw new ApiError(404, { code: "no_picture", message: `sample ${sample.id} has no original`, hint: null });
  const roles = Object.keys(TITLES).filter((role) => mediumOf(sample, role));
  const sources = await Promise.all(roles.map((role) => sourceOf(sample, role, stop)));
  const measured = signal(null);
  previewOf(sample).then((told) => (measured.value = told), (error) => (measured.value = { problem: error.message }));
  return { sources: Object.fromEntries(roles.map((role, at) => [role, sources[at]])), measured };
}

async function sourceOf(sample, role, stop) {
  const url = pictureOf(sample, role);
  if (mediumOf(sample, role).size > FETCHED_WHOLE) return url;
  return URL.createObjectURL(await blobAt(url, { signal: stop, missing: `the picture ${role} of sample ${sample.id} is not there` }));
}

/** Decoded ahead, so that the next is drawn at once. */
function prepare(asset) {
  for (const source of Object.values(asset.sources)) {
    const image = new Image();
    image.src = source;
    // What cannot be decoded is told when it is shown.
    image.decode().catch(() => {});
  }
}

function release(asset) {
  for (const source of Object.values(asset.sources)) if (source.startsWith("blob:")) URL.revokeObjectURL(source);
}

/** Width and height of a picture as shown, of its frame while that is not known. */
function sizeOf(sample, role) {
  const { width, height } = mediumOf(sample, role)?.facts ?? {};
  return width && height ? { width, height } : { width: 4, height: 3 };
}

function Player({ sample, asset, onProblem }) {
  const view = useMemo(() => new SharedView(), []);
  const flicker = useHeld();
  const [drawn, setDrawn] = useState(null);
  useLayoutEffect(() => {
    view.reset();
    setDrawn(null);
  }, [sample.id]);
  const hasBoth = Boolean(mediumOf(sample, "edited"));
  useCompareKeys(asset, hasBoth, view, flicker);
  const picture = (role, alt) => ({ src: asset?.sources[role] ?? null, title: TITLES[role], alt, clear: mediumOf(sample, role)?.facts.has_alpha, ...sizeOf(sample, role) });
  const asked = sample.truth ?? sample.corrected ?? sample.raw;
  const broken = (title) => onProblem?.({ message: `this browser cannot show the picture “${title}”`, hint: "download it to see it elsewhere" });
  return html`<div class="edits" data-playable=${asset && drawn === sample.id ? sample.id : undefined}>
    <${Compare} name=${sample.id} before=${picture("original", `Original of sample ${sample.id}`)} view=${view} swapped=${flicker.held}
      after=${hasBoth ? picture("edited", `Edited picture of sample ${sample.id}${asked?.trim() ? `: ${asked.trim()}` : ""}`) : null}
      look=${look.value} edge=${edge.value} gain=${gain.value} onEdge=${setEdge} onDrawn=${() => setDrawn(sample.id)} onBroken=${broken} />
    <${Controls} sample=${sample} asset=${asset} hasBoth=${hasBoth} view=${view} flicker=${flicker} />
    ${hasBoth && shapeNote(sample) && html`<p class="small quiet">${shapeNote(sample)}</p>`}
  </div>`;
}

function useCompareKeys(asset, hasBoth, view, flicker) {
  const turn = () => setLook(LOOKS[(LOOKS.findIndex(({ name }) => name === look.value) + 1) % LOOKS.length].name);
  const toggle = (name) => () => setLook(look.value === name ? "slider" : name);
  const near = zoomActs("edit", view);
  const both = {
    "edit.flicker": flicker.press,
    "edit.flicker-editor": flicker.press,
    "edit.look": turn,
    "edit.beside": toggle("beside"),
    "edit.difference": toggle("difference"),
    "edit.left": () => setEdge(edge.value - EDGE_STEP),
    "edit.right": () => setEdge(edge.value + EDGE_STEP),
    "edit.weaker": () => stronger(-1),
    "edit.stronger": () => stronger(1),
  };
  useKeys(asset ? { ...near, ...(hasBoth ? both : {}) } : {});
}

/** What is said where the pictures have other shapes: nothing is cropped, and one is stretched. */
function shapeNote(sample) {
  const [one, other] = [sizeOf(sample, "original"), sizeOf(sample, "edited")];
  const ratio = (one.width * other.height) / (one.height * other.width);
  if (Math.max(ratio, 1 / ratio) - 1 < SAME_SHAPE) return null;
  return look.value === "difference" ? "The shapes differ: here the edited picture is stretched to that of the original." : "The shapes differ: each picture is shown whole.";
}

function Controls({ sample, asset, hasBoth, view, flicker }) {
  return html`<div class="edits-controls" onClick=${handBack}>
    ${hasBoth && html`<div class="segments" role="group" aria-label="How to compare">
      ${LOOKS.map(({ name, title, word, icon, key }) => html`<button key=${name} aria-pressed=${String(look.value === name)} disabled=${!asset} aria-label=${title}
        title="${title} (${keysOf(key)})" onClick=${() => setLook(name)}><${Icon} name=${icon} /><span class="edits-word">${word ?? title}</span></button>`)}
    </div>
    <${HoldButton} holding=${flicker} label="Hold to see the other picture" title="Hold to see the other picture (${keysOf("edit.flicker")})" disabled=${!asset}><span class="edits-word">Hold</span><//>`}
    <${Zoom} name="edit" view=${view} disabled=${!asset} />
    ${hasBoth && look.value === "difference" && html`<${Gain} />`}
    ${!hasBoth && html`<span class="chip warn">no edited picture</span>`}
    <${Stars} key=${sample.uid} sample=${sample} />
  </div>`;
}

function Gain() {
  return html`<label class="edits-gain" title="How bright the difference is (${keysOf("edit.weaker")} ${keysOf("edit.stronger")})">
    <input type="range" min="0" max=${GAINS.length - 1} step="1" value=${GAINS.indexOf(gain.value)} aria-label="Brightness of the difference" aria-valuetext="${gain.value} times"
      onInput=${(event) => setGain(GAINS[event.target.valueAsNumber])} />
    <output class="number">× ${gain.value}</output>
  </label>`;
}

/** What was rated in this tab: lists and items at hand know it only after they are fetched anew. */
const rated = signal({});

/** One to five stars; nothing where ratings are not kept. */
function Stars({ sample }) {
  const given = rated.value[sample.uid] !== undefined ? rated.value[sample.uid] : sample.rating;
  const may = about.value?.rights?.includes("review") ?? true;
  const keeps = sample.rating !== undefined;
  const rate = async (value) => {
    const before = rated.value;
    rated.value = { ...before, [sample.uid]: value };
    try {
      await api.post(`/api/samples/${sample.id}/rating`, { rating: value });
    } catch (error) {
      rated.value = before;
      toastError(error);
    }
  };
  useKeys(keeps && may ? Object.fromEntries(STARS.map((stars) => [`edit.rate-${stars}`, () => rate(stars)])) : {});
  if (!keeps) return null;
  return html`<span class="edits-stars" role="group" aria-label=${given ? `Rating: ${given} of 5` : "Rating: none yet"}>
    ${STARS.map((stars) => html`<button key=${stars} class="icon" aria-pressed=${String(given === stars)} data-lit=${stars <= (given ?? 0) ? "" : undefined} disabled=${!may}
      aria-label="${stars} of 5" title="Rate it ${stars} of 5 (${keysOf(`edit.rate-${stars}`)})" onClick=${() => rate(stars)}><${Icon} name=${stars <= (given ?? 0) ? "star-full" : "star"} /></button>`)}
  </span>`;
}

/** Sizes, and what is odd about the pair, as chips for a heading. */
function Badges({ sample, asset }) {
  const [original, edited] = [mediumOf(sample, "original")?.facts, mediumOf(sample, "edited")?.facts];
  const measured = asset?.measured.value;
  if (!original) return null;
  const size = ({ width, height }) => `${width} × ${height}`;
  const sizes = edited && size(edited) !== size(original) ? `${size(original)} → ${size(edited)}` : size(original);
  const damaged = Object.keys(TITLES).filter((role) => mediumOf(sample, role)?.facts.damage);
  return html`
    <span class="chip number" title="Width by height in pixels, as shown">${sizes}</span>
    ${edited && original.content === edited.content && html`<span class="chip bad" title="Both have the same pixels">unchanged</span>`}
    ${measured?.difference && original.content !== edited?.content && html`<span class="chip number" title="Pixels that differ visibly">${percent(measured.difference.changed_share, 0)} changed</span>`}
    ${damaged.map((role) => html`<span key=${role} class="chip bad" title=${mediumOf(sample, role).facts.damage}>${TITLES[role].toLowerCase()} damaged</span>`)}
    ${(original.has_gps || edited?.has_gps) && html`<span class="chip warn" title="A file says where it was taken; exports leave that out">names a place</span>`}
    ${sample.context?.chosen === true && html`<span class="chip good" title="Of several results the user took this one">chosen</span>`}
    ${sample.context?.chosen === false && html`<span class="chip" title="Of several results the user took another one">not chosen</span>`}`;
}

/** Original and edited as halves of one small picture. */
function Thumb({ sample }) {
  const box = useRef(null);
  const [stills, setStills] = useState(null);
  useEffect(() => onceSeen(box.current, () => previewOf(sample, { buckets: 1 }).then(setStills, () => setStills({}))), [sample.id]);
  const roles = Object.keys(TITLES).filter((role) => stills?.[role]);
  return html`<span class="edits-thumb" ref=${box} role="img" aria-label="Original and edited picture of sample ${sample.id}" data-drawn=${roles.length ? sample.id : undefined}>
    ${roles.map((role) => html`<img key=${role} src="data:image/jpeg;base64,${stills[role].still}" alt="" data-role=${role} />`)}
  </span>`;
}

function Details({ sample, asset }) {
  const measured = asset?.measured.value;
  const { psnr, ssim, changed_share: changed } = measured?.difference ?? {};
  const rows = [
    ...Object.keys(TITLES).flatMap((role) => factsOf(sample, role)),
    ["Changed", changed === undefined ? null : `${percent(changed)} of the pixels`],
    ["PSNR", psnr === undefined ? null : `${psnr.toFixed(1)} dB`],
    ["SSIM", ssim === undefined ? null : ssim.toFixed(3)],
    ["Figures", measured?.problem],
    ["Result", resultOf(sample)],
  ];
  return factRows(rows);
}

/** Which of several results of one moment this is; null when it came alone. */
function resultOf({ uid, context }) {
  const all = Array.isArray(context?.of) ? context.of : [];
  if (all.length < 2 || !all.includes(uid)) return null;
  const taken = { true: "the user took this one", false: "the user took another one" }[context.chosen] ?? "none is chosen yet";
  return `${all.indexOf(uid) + 1} of ${all.length}, ${taken}`;
}

/** A picture in words, and where its file is. */
function factsOf(sample, role) {
  const medium = mediumOf(sample, role);
  if (!medium) return [[TITLES[role], "none"]];
  const { width, height, format, mode, orientation, has_gps: hasPlace, animated, damage } = medium.facts;
  const odd = [orientation > 1 && "turned as its file says", hasPlace && "names a place", animated && "animated: only its first picture counts", damage && `damaged: ${damage}`];
  const told = [`${width} × ${height}`, [format, mode].filter(Boolean).join(" "), bytes(medium.size), ...odd].filter(Boolean).join(", ");
  return [[TITLES[role], html`${told}, <a download href=${mediaOf(sample, role, { download: 1 })} aria-label="Download: ${TITLES[role].toLowerCase()}">download</a>`]];
}

/** A warning when there is no instruction, or more than models read. */
function lengthHint(sample, text) {
  const length = [...text.trim()].length;
  if (!length) return "no instruction: a pair without one teaches nothing";
  return length > LONG_TEXT ? `a long instruction: of its ${length} characters models read about the first ${LONG_TEXT}` : null;
}

const words = {
  medium: "Pictures",
  text: "Instruction",
  placeholder: "Say what turns the original into the edited picture",
  refusal: "say what was asked for, or reject the sample",
  readings: "What the app sent",
  raw: "Sent",
  corrected: "Cleaned",
  recognizer: "As the app sent it",
  corrector: "Cleaned",
  accept: "Accept pair and instruction",
  nothing: "The app sent no instruction: say what turns the original into the edited picture.",
};

export const panel = { modality: "image_edit", title: "Image edits", accept: "image/*", styled: true, still: true, words, keys, load, prepare, release, Player, Badges, Thumb, Details, lengthHint };
