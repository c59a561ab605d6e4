// The keys: record another one for an action, see what it would take from whom, or give it back.

import { html, useEffect, useLayoutEffect, useRef, useState } from "#/html.js";
import { keymap, remap, remapped, setSingleKeysOff, shown, singleKeysOff, written } from "#/keymap.js";

/** Pages whose modules add their own actions when they are loaded. */
const PAGES = ["home", "review", "samples", "record", "train", "models", "datasets"];
const NEXT_KEY_MS = 900;
const MODIFIERS = ["Shift", "Control", "Alt", "Meta"];

export function Keys() {
  const [recording, setRecording] = useState(null);
  const [asked, setAsked] = useState(null);
  useEffect(() => {
    Promise.allSettled(PAGES.map((page) => import(`/static/pages/${page}.js`)));
  }, []);
  const take = (action, keys) => {
    setRecording(null);
    const others = conflicts(action, keys);
    if (others.length) setAsked({ action, keys, others });
    else remap(action.id, [keys]);
  };
  const groups = Object.groupBy(keymap.value, (action) => action.group);
  return html`
    <label class="check"><input type="checkbox" role="switch" checked=${!singleKeysOff.value} onChange=${(event) => setSingleKeysOff(!event.target.checked)} />
      Keys without Ctrl or Alt</label>
    <p class="quiet small">Turn them off when speech input or an assistive device types letters by itself. Kept in this browser.</p>
    ${asked && html`<${Conflict} asked=${asked} onDone=${() => setAsked(null)} />`}
    ${Object.entries(groups).map(([name, actions]) => html`<section key=${name} class="key-table">
      <h3>${name}</h3>
      <ul>${actions.map((action) => html`<${Row} key=${action.id} action=${action} recording=${recording === action.id}
        onRecord=${() => { setAsked(null); setRecording(action.id); }} onKeys=${(keys) => take(action, keys)} onCancel=${() => setRecording(null)} />`)}</ul>
    </section>`)}
    <div class="row"><button disabled=${!Object.keys(remapped.value).length} onClick=${() => Object.keys(remapped.value).forEach((id) => remap(id, null))}>All keys as they were</button></div>`;
}

function Row({ action, recording, onRecord, onKeys, onCancel }) {
  const own = action.id in remapped.value;
  return html`<li class="row between">
    <span class="grow">${action.what}${own && html` <span class="chip accent">changed</span>`}</span>
    <span class="row">
      ${recording
        ? html`<${Recorder} onKeys=${onKeys} onCancel=${onCancel} />`
        : action.keys.length
          ? action.keys.map((keys) => html`<kbd key=${keys}>${shown(keys)}</kbd>`)
          : html`<span class="quiet small">none</span>`}
      ${!recording && html`<button class="compact" aria-label="Change the key of: ${action.what}" onClick=${onRecord}>Change</button>`}
      ${own && !recording && html`<button class="compact" aria-label="Give back the key of: ${action.what}" onClick=${() => remap(action.id, null)}>Reset</button>`}
    </span>
  </li>`;
}

/** Waits for a key, or for two in a row; Escape gives up, Backspace means none. */
function Recorder({ onKeys, onCancel }) {
  const [first, setFirst] = useState("");
  const timer = useRef(0);
  useLayoutEffect(() => {
    let begun = "";
    const press = (event) => {
      if (MODIFIERS.includes(event.key) || event.isComposing) return;
      event.preventDefault();
      event.stopPropagation();
      clearTimeout(timer.current);
      const key = written(event);
      if (!begun && key === "Escape") return onCancel();
      if (begun || /Ctrl|Alt|Meta/.test(key)) return onKeys(begun ? `${begun} ${key}` : key);
      begun = key;
      setFirst(key);
      timer.current = setTimeout(() => onKeys(begun), NEXT_KEY_MS);
    };
    window.addEventListener("keydown", press, true);
    return () => {
      clearTimeout(timer.current);
      window.removeEventListener("keydown", press, true);
    };
  }, []);
  return html`<span class="key-recorder" role="status">${first ? html`<kbd>${shown(first)}</kbd> …` : "press a key, Esc to leave it"}</span>
    <button class="compact" onClick=${onCancel}>Cancel</button>`;
}

function Conflict({ asked, onDone }) {
  const { action, keys, others } = asked;
  const use = () => {
    for (const other of others) remap(other.id, other.keys.filter((one) => !clash(one, keys)));
    remap(action.id, [keys]);
    onDone();
  };
  return html`<div class="notice key-conflict" role="alert">
    <p><kbd>${shown(keys)}</kbd> is already the key to ${others.map((one) => one.what).join(" and ")}.</p>
    <div class="row"><button class="compact" onClick=${use}>Use it to ${action.what}</button><button class="compact" onClick=${onDone}>Leave it</button></div>
  </div>`;
}

/** Two keys that cannot both count: the same one, or one that begins the other. */
function clash(one, other) {
  return one === other || one.startsWith(`${other} `) || other.startsWith(`${one} `);
}

function conflicts(action, keys) {
  return keymap.value.filter(
    (other) =>
      other.id !== action.id &&
      (other.where === action.where || other.where === "both" || action.where === "both") &&
      (other.group === action.group || other.group === "Everywhere" || action.group === "Everywhere") &&
      other.keys.some((one) => clash(one, keys)),
  );
}
