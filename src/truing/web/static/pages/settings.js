// The page "Settings": what can be set, keys, people, tokens, and what leaves this machine.

import { html, useCallback, useEffect, useMemo, useState } from "#/html.js";
import { Problem, Waiting, useFetched } from "#/components/states.js";
import { api } from "#/api.js";
import { useChanges } from "#/changes.js";
import { about, setTheme, theme } from "#/shell.js";
import { Field, changed } from "#/pages/settings/field.js";
import { Forget } from "#/pages/settings/forget.js";
import { Keys } from "#/pages/settings/keys.js";
import { Leaves } from "#/pages/settings/leaves.js";
import { People } from "#/pages/settings/people.js";
import { Room } from "#/pages/settings/room.js";
import { You } from "#/pages/settings/you.js";

export const title = "Settings";

/** Groups of settings: title, what they are for, and the sections of their keys. */
const GROUPS = [
  { id: "capture", title: "Capture", what: "What is kept of daily use, and on what ground.", sections: ["capture", "consent", "review"] },
  { id: "thresholds", title: "Thresholds", what: "When a sample gets a finding.", sections: ["check", "speech", "lipreading", "image_edit"] },
  { id: "split", title: "Splits", what: "How rows are shared out when a dataset is frozen.", sections: ["split"] },
  { id: "gate", title: "Gate", what: "What a model must show before it is promoted.", sections: ["gate"] },
  { id: "live", title: "Live model", what: "The model that answers, and when the one before takes over.", sections: ["live"] },
  { id: "corrector", title: "Corrector", what: "A chat server that mends what was recognized; off without an address.", sections: ["corrector"] },
  { id: "training", title: "Training", what: "Runs in the background, and where their models go.", sections: ["train", "jobs", "publish"] },
  { id: "keeping", title: "Backups and trash", what: "What is kept twice, and for how long.", sections: ["backup", "trash", "retention"] },
  { id: "server", title: "Server and storage", what: "Where things lie and who comes in; mostly set at the machine itself.", sections: ["serve", "storage", "log"] },
];
const OTHERS = { id: "others", title: "Others", what: "Settings of what was installed besides." };

/** Parts of the page besides the groups; `when` says whether there is anything to show. */
const PARTS = [
  { id: "keys", title: "Keys", words: "keyboard shortcuts keymap remap", Part: Keys },
  { id: "appearance", title: "Appearance", words: "theme light dark colour", Part: Appearance },
  { id: "you", title: "You", words: "sign out password token session program", Part: You },
  { id: "people", title: "People", words: "users roles admin reviewer contributor", Part: People, when: (rights) => rights.includes("operate") },
  { id: "room", title: "Room", words: "disk quota full retention rules forecast", Part: Room, when: (rights) => rights.includes("read") },
  { id: "forget", title: "Forget a person", words: "delete erase e-mail contact speaker privacy receipt", Part: Forget, when: (rights) => rights.includes("operate") },
  { id: "leaves", title: "What leaves this machine", words: "privacy network cloud", Part: Leaves },
  { id: "about", title: "About", words: "version licence api", Part: About },
];

export function Page() {
  const { data, error, reload } = useFetched(() => api.get("/api/settings"), []);
  const [sought, setSought] = useState("");
  const [only, setOnly] = useState(false);
  useChanges("settings", useCallback(() => reload(), [reload]));
  const groups = useMemo(() => grouped(data?.items ?? [], sought, only), [data, sought, only]);
  useEffect(() => {
    if (data && location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }, [Boolean(data)]);
  if (error && !data) return html`<${Head} /><${Problem} error=${error} retry=${reload} />`;
  if (!data) return html`<${Head} /><${Waiting} />`;
  const rights = about.value?.rights ?? [];
  const parts = PARTS.filter((part) => !only && matches(`${part.title} ${part.words}`, sought) && (part.when?.(rights) ?? true));
  const count = data.items.filter(changed).length;
  return html`
    <${Head} />
    <div class="settings-tools row">
      <label class="grow"><span class="visually-hidden">Search settings</span>
        <input type="search" placeholder="Search settings" value=${sought} onInput=${(event) => setSought(event.target.value)} />
      </label>
      <label class="check"><input type="checkbox" checked=${only} onChange=${(event) => setOnly(event.target.checked)} /> Only changed (${count})</label>
    </div>
    <div class="settings">
      <nav aria-label="Parts of the settings"><ul>
        ${[...groups, ...parts].map(({ id, title: name }) => html`<li key=${id}><a href=${`#${id}`}>${name}</a></li>`)}
      </ul></nav>
      <div class="sections">
        ${groups.map((group) => html`<${Group} key=${group.id} group=${group} mayChange=${rights.includes("operate")} onSaved=${reload} />`)}
        ${parts.map(({ id, title: name, Part }) => html`<section class="card" id=${id} key=${id} aria-label=${name}>
          <h2>${name}</h2><${Part} settings=${data} />
        </section>`)}
        ${!groups.length && !parts.length && html`<p class="quiet" role="status">Nothing is called “${sought}”.</p>`}
      </div>
    </div>`;
}

function Head() {
  return html`<header class="page-head"><h1>Settings</h1>
    <p>Saved as you go, in the workspace's <code>truing.toml</code>.</p></header>`;
}

function grouped(items, sought, only) {
  const known = new Set(GROUPS.flatMap((group) => group.sections));
  const others = [...new Set(items.map((one) => one.key.split(".")[0]))].filter((section) => !known.has(section));
  return [...GROUPS, { ...OTHERS, sections: others }]
    .map((group) => ({
      ...group,
      items: items.filter(
        (one) =>
          group.sections.includes(one.key.split(".")[0]) &&
          (!only || changed(one)) &&
          matches(`${group.title} ${one.key} ${one.help}`, sought),
      ),
    }))
    .filter((group) => group.items.length);
}

function matches(text, sought) {
  const found = text.toLowerCase().replaceAll("_", " ");
  return sought.toLowerCase().replaceAll("_", " ").split(/\s+/).every((word) => found.includes(word));
}

function Group({ group, mayChange, onSaved }) {
  return html`<section class="card" id=${group.id} aria-label=${group.title}>
    <h2>${group.title}</h2>
    <p class="quiet small settings-what">${group.what}</p>
    <div class="settings-fields">
      ${group.items.map((setting) => html`<${Field} key=${setting.key} setting=${setting} heading=${group.sections[0]} mayChange=${mayChange} onSaved=${onSaved} />`)}
    </div>
  </section>`;
}

const THEMES = { system: "As the system", light: "Light", dark: "Dark" };

function Appearance() {
  return html`<div class="segments" role="group" aria-label="Theme">
    ${Object.entries(THEMES).map(
      ([name, label]) => html`<button key=${name} aria-pressed=${theme.value === name} onClick=${() => setTheme(name)}>${label}</button>`,
    )}
  </div>
  <p class="quiet small">Kept in this browser.</p>`;
}

function About() {
  const told = about.value;
  return html`<dl class="settings-facts">
    <div><dt>Truing</dt><dd>${told?.version ?? "–"}</dd></div>
    <div><dt>Workspace</dt><dd>${told?.workspace ?? "–"}</dd></div>
    <div><dt>API</dt><dd><a href="/api/docs">Reference</a> · <a href="/api/openapi.json">OpenAPI</a></dd></div>
  </dl>`;
}
