// The page "Storage": where the disk goes, what rules let go, archives, and whether media are whole.

import { html, useCallback, useEffect, useRef } from "#/html.js";
import { Waiting, useFetched } from "#/components/states.js";
import { api } from "#/api.js";
import { useChanges } from "#/changes.js";
import { about } from "#/shell.js";
import { Archives } from "#/pages/storage/archives.js";
import { Media } from "#/pages/storage/media.js";
import { Rules } from "#/pages/storage/rules.js";
import { Tidy } from "#/pages/storage/tidy.js";
import { Use } from "#/pages/storage/use.js";

export const title = "Storage";

/** News that come together are looked at together. */
const SETTLE_MS = 600;

export function Page() {
  const disk = useFetched(() => api.get("/api/disk"), []);
  const errands = useFetched(() => api.get("/api/errands"), []);
  const reload = useSettled(disk.reload);
  for (const topic of ["samples", "settings", "models"]) useChanges(topic, reload);
  const operates = (about.value?.rights ?? []).includes("operate");
  const joined = (...deeds) => errands.data?.items.find((one) => one.state === "running" && deeds.includes(one.deed)) ?? null;
  const known = errands.data?.items ?? [];
  // What is under way is known before a part of the page could ask for the same again.
  const ready = about.value && (errands.data || errands.error);
  return html`<header class="page-head"><h1>Storage</h1>
      ${about.value && html`<p class="number">${about.value.workspace}</p>`}</header>
    <div class="sections storage">
      <${Use} disk=${disk} operates=${operates} joined=${joined("look")} />
      ${!ready ? html`<${Waiting} lines=${6} />` : html`
        <${Rules} joined=${joined("retain")} operates=${operates} onDone=${disk.reload} />
        ${operates && html`
          <${Archives} joined=${joined("archive", "bring-back", "verify-archives", "remove-archive")} onDone=${disk.reload} />
          <div class="halves">
            <${Media} joined=${joined("verify-media")} last=${known.find((one) => one.deed === "verify-media" && one.state === "done")} onDone=${disk.reload} />
            <${Tidy} joined=${joined("clean", "empty-trash")} onDone=${disk.reload} />
          </div>`}
        ${!operates && html`<p class="small quiet">Archives, repairs and the trash are looked after by who may administer this workspace.</p>`}`}
    </div>`;
}

/** Calls at most once per SETTLE_MS, and never after the page is gone. */
function useSettled(call) {
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    clearTimeout(timer.current);
    timer.current = setTimeout(call, SETTLE_MS);
  }, [call]);
}
