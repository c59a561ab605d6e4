// People: who may sign in, and as what.

import { html, useState } from "#/html.js";
import { Problem, Waiting, useFetched } from "#/components/states.js";
import { api } from "#/api.js";
import { counted } from "#/format.js";
import { toast, toastError } from "#/toast.js";

const ROLES = {
  admin: "admin: everything",
  reviewer: "reviewer: sees and decides",
  contributor: "contributor: adds, sees and deletes their own",
};

export function People() {
  const login = useFetched(() => api.get("/api/login"), []);
  const found = useFetched(() => api.get("/api/people"), []);
  if (found.error) return html`<${Problem} error=${found.error} retry=${found.reload} />`;
  if (!found.data || !login.data) return html`<${Waiting} lines=${2} />`;
  if (login.data.auth !== "users") {
    return html`<p>This server knows no people. To give each their own name and password:</p>
      <pre><code>truing people add NAME --role admin${"\n"}truing serve --auth users</code></pre>`;
  }
  return html`
    <ul class="people">${found.data.items.map((one) => html`<${Person} key=${one.name} person=${one} reload=${found.reload} />`)}</ul>
    <${Add} reload=${found.reload} />`;
}

function Person({ person, reload }) {
  const [password, setPassword] = useState(null);
  const act = async (work, told) => {
    try {
      await work();
      toast(told, { kind: "good" });
    } catch (error) {
      toastError(error);
    }
    await reload();
  };
  const place = `/api/people/${encodeURIComponent(person.name)}`;
  const setIt = (event) => {
    event.preventDefault();
    act(() => api.patch(place, { password }), `${person.name} has another password and is signed in nowhere`);
    setPassword(null);
  };
  return html`<li>
    <div class="row between">
      <span class="grow"><strong>${person.name}</strong><br /><small class="quiet">
        ${person.has_password ? "" : "no password, "}${counted(person.sessions, "browser")}, ${counted(person.tokens, "program")}</small></span>
      <label><span class="visually-hidden">Role of ${person.name}</span>
        <select onChange=${(event) => act(() => api.patch(place, { role: event.target.value }), `${person.name}: ${event.target.value}`)}>
          ${Object.keys(ROLES).map((role) => html`<option key=${role} value=${role} selected=${role === person.role}>${role}</option>`)}
        </select></label>
      <button class="compact" onClick=${() => setPassword(password === null ? "" : null)} aria-expanded=${password !== null}>Password</button>
      <button class="compact danger" onClick=${() => act(() => api.delete(place), `${person.name} may not come in any more`)}>Remove</button>
    </div>
    ${password !== null && html`<form class="row" onSubmit=${setIt}>
      <label class="grow"><span class="visually-hidden">New password of ${person.name}</span>
        <input type="password" minlength="10" required autocomplete="new-password" placeholder="New password, ten characters or more" value=${password} onInput=${(event) => setPassword(event.target.value)} /></label>
      <button disabled=${password.length < 10}>Set</button></form>`}
  </li>`;
}

const NOBODY = { name: "", role: "reviewer", password: "" };

function Add({ reload }) {
  const [draft, setDraft] = useState(NOBODY);
  const set = (name) => (event) => setDraft({ ...draft, [name]: event.target.value });
  const add = async (event) => {
    event.preventDefault();
    try {
      await api.post("/api/people", { ...draft, password: draft.password || null });
      setDraft(NOBODY);
      await reload();
    } catch (error) {
      toastError(error);
    }
  };
  return html`<form class="fields" onSubmit=${add}>
    <label class="field"><span>Name</span><input required maxlength="64" autocomplete="off" value=${draft.name} onInput=${set("name")} /></label>
    <label class="field"><span>Role</span><select onChange=${set("role")}>
      ${Object.entries(ROLES).map(([role, words]) => html`<option key=${role} value=${role} selected=${role === draft.role}>${words}</option>`)}
    </select></label>
    <label class="field"><span>Password</span><input type="password" minlength="10" autocomplete="new-password" value=${draft.password} onInput=${set("password")} />
      <span class="help">ten characters or more; without one only tokens let them in</span></label>
    <div class="row"><button disabled=${!draft.name}>Add</button></div>
  </form>`;
}
