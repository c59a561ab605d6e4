// The editor of the truth: undo and redo, counts, and what is wrong with the text.

import { html, useLayoutEffect, useRef } from "#/html.js";
import { Icon } from "#/components/icon.js";
import { wordsOf } from "#/components/word_diff.js";
import { counted } from "#/format.js";
import { keysOf } from "#/keymap.js";
import { wordsOf as namesOf } from "#/panels.js";
import { refusal } from "#/pages/review/decisions.js";

export const EDITOR = "review-text";

/** Puts the cursor behind the text. */
export function focusEditor() {
  const area = document.getElementById(EDITOR);
  if (!(area instanceof HTMLTextAreaElement)) return;
  area.focus();
  area.setSelectionRange(area.value.length, area.value.length);
}

/** Out of the editor: single keys count again. */
export function leaveEditor() {
  document.getElementById("main")?.focus({ preventScroll: true });
}

/** @param {{item: any, readOnly: boolean, showRefusal: boolean}} props */
export function Editor({ item, readOnly, showRefusal }) {
  const area = useRef(null);
  const { text } = item;
  const value = text.value.value;
  useLayoutEffect(() => grow(area.current), [value, item]);
  const names = namesOf(item.sample.value.modality);
  const wrong = refusal(value, names);
  const hint = wrong ? null : (item.panel?.lengthHint?.(item.sample.value, value) ?? null);
  return html`<div class="editor">
    <label for=${EDITOR}>${names.text}</label>
    <textarea id=${EDITOR} ref=${area} rows="2" value=${value} readonly=${readOnly} spellcheck="true" autocomplete="off"
      placeholder=${names.placeholder} aria-describedby="review-text-notes" aria-invalid=${wrong && showRefusal ? "true" : undefined}
      onInput=${(event) => text.set(event.target.value, { typing: true })}></textarea>
    <div class="editor-foot">
      <span class="quiet small number" aria-live="off">${counted([...value].length, "character")} · ${counted(wordsOf(value).length, "word")}</span>
      <span id="review-text-notes" class="editor-notes small" role="status">
        ${wrong && showRefusal && html`<span class="bad"><${Icon} name="warning" /> ${wrong}</span>`}
        ${hint && html`<span class="warn"><${Icon} name="warning" /> ${hint}</span>`}
        ${text.restored.value && html`<span class="quiet">Draft restored. <button class="link" onClick=${() => text.reset()}>Discard it</button></span>`}
      </span>
      <span class="row nowrap">
        <button class="icon small" aria-label="Undo typing" disabled=${!text.done.value.length} title="Undo typing (${keysOf("text.undo")})"
          onClick=${() => text.undo()}><${Icon} name="undo" /></button>
        <button class="icon small" aria-label="Redo typing" disabled=${!text.undone.value.length} title="Redo typing (${keysOf("text.redo")})"
          onClick=${() => text.redo()}><${Icon} name="redo" /></button>
        <button class="compact" disabled=${readOnly || !value} title="Start empty (${keysOf("text.empty")})"
          onClick=${() => { text.set(""); focusEditor(); }}>Start empty</button>
      </span>
    </div>
  </div>`;
}

const GROWS_ITSELF = CSS.supports("field-sizing", "content");

/** As high as the text, within the style's limits. */
function grow(area) {
  if (GROWS_ITSELF) return;
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight + 2}px`;
}
