// The overlay on `?`: all keys that count, from the one table.

import { html } from "#/html.js";
import { Dialog } from "#/components/dialog.js";
import { keymap, shown } from "#/keymap.js";

export function KeyHelp({ onClose }) {
  const groups = Object.groupBy(keymap.value.filter((action) => action.keys.length), (action) => action.group);
  return html`<${Dialog} title="Keys" wide onClose=${onClose}>
    <div class="key-groups">
      ${Object.entries(groups).map(
        ([title, actions]) => html`<section key=${title}>
          <h3>${title}</h3>
          <dl class="keys">
            ${actions.map(
              (action) => html`<div key=${action.id}>
                <dt>${action.keys.map((keys) => html`<kbd>${shown(keys)}</kbd> `)}</dt>
                <dd>${action.what}</dd>
              </div>`,
            )}
          </dl>
        </section>`,
      )}
    </div>
    <p class="quiet">Change them in <a href="/settings#keys">Settings</a>.</p>
  <//>`;
}
