// What leaves this machine: nothing, or what was switched on, where to, and how to switch it off.

import { html } from "#/html.js";
import { Icon } from "#/components/icon.js";

export function Leaves({ settings }) {
  if (!settings.leaves.length) {
    return html`<p class="row nowrap leaves-none"><${Icon} name="check" /><span><strong>Nothing.</strong>${" "}
      Recordings, texts, models and figures stay in the workspace's folder. These pages ask no other server.</span></p>`;
  }
  return html`<p>Something was switched on that sends data to another place:</p>
    <ul class="leaves">
      ${settings.leaves.map((one) => html`<li key=${one.key}>
        <strong>${one.what}</strong>
        <span>to <code>${one.where}</code></span>
        <span class="quiet small">set by <code>${one.key}</code></span>
      </li>`)}
    </ul>`;
}
