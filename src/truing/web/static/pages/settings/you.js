// You: who is signed in, and the programs and browsers that may act for you.

import { html, useState } from "#/html.js";
import { Dialog } from "#/components/dialog.js";
import { Problem, Waiting, useFetched } from "#/components/states.js";
import { api } from "#/api.js";
import { ago, instant } from "#/format.js";
import { toast, toastError } from "#/toast.js";

export function You() {
  const me = useFetched(() => api.get("/api/me"), []);
  const tokens = useFetched(() => api.get("/api/tokens"), []);
  if (me.error) return html`<${Problem} error=${me.error} retry=${me.reload} />`;
  if (!me.data) return html`<${Waiting} lines=${2} />`;
  const { name, role, auth } = me.data;
  if (auth === "off") {
    return html`<p>You are <strong>${name}</strong>, at this machine. Nobody is asked to sign in, and programs may use any key.</p>
      <p class="quiet small">To let others in: <code>truing serve --auth token</code>, or <code>--auth users</code> for names and passwords.</p>`;
  }
  return html`
    <div class="row between"><p>Signed in as <strong>${name}</strong> (${role})</p>
      <button onClick=${() => signOut().catch(toastError)}>Sign out</button></div>
    ${auth === "users" && html`<${Password} />`}
    <h3>Programs and browsers</h3>
    <${Tokens} found=${tokens} />`;
}

async function signOut() {
  await api.post("/api/logout", {});
  location.assign("/login");
}

function Password() {
  const [old, setOld] = useState("");
  const [next, setNext] = useState("");
  const save = async (event) => {
    event.preventDefault();
    try {
      await api.put("/api/me/password", { old, new: next });
      location.assign("/login");
    } catch (error) {
      toastError(error);
    }
  };
  return html`<details><summary>Change the password</summary>
    <form class="fields" onSubmit=${save}>
      <label class="field"><span>Old password</span><input type="password" required autocomplete="current-password" value=${old} onInput=${(event) => setOld(event.target.value)} /></label>
      <label class="field"><span>New password</span><input type="password" required minlength="10" autocomplete="new-password" value=${next} onInput=${(event) => setNext(event.target.value)} /></label>
      <div class="row"><button disabled=${!old || next.length < 10}>Change and sign in again</button></div>
    </form></details>`;
}

function Tokens({ found }) {
  const [made, setMade] = useState(null);
  const [label, setLabel] = useState("");
  const add = async (event) => {
    event.preventDefault();
    try {
      setMade(await api.post("/api/tokens", { label }));
      setLabel("");
      await found.reload();
    } catch (error) {
      toastError(error);
    }
  };
  const revoke = async (token) => {
    try {
      await api.delete(`/api/tokens/${token.id}`);
      await found.reload();
      toast("It lets nobody in any more");
    } catch (error) {
      toastError(error);
    }
  };
  if (found.error) return html`<${Problem} error=${found.error} retry=${found.reload} />`;
  if (!found.data) return html`<${Waiting} lines=${2} />`;
  return html`
    <ul class="tokens">${found.data.items.map((token) => html`<li class="row between" key=${token.id}>
      <span class="grow truncate">${titleOf(token)} ${token.this && html`<span class="chip accent">this one</span>`}<br />
        <small class="quiet">since ${instant(token.created_at)}, ${token.used_at ? `used ${ago(token.used_at)}` : "not used yet"}</small></span>
      <button class="compact danger" aria-label="Revoke ${token.label || `token ${token.id}`}" onClick=${() => revoke(token)}>Revoke</button>
    </li>`)}</ul>
    <form class="row" onSubmit=${add}>
      <label class="grow"><span class="visually-hidden">What the token is for</span>
        <input placeholder="What for, such as “dictation app”" maxlength="80" value=${label} onInput=${(event) => setLabel(event.target.value)} /></label>
      <button>Make a token for a program</button>
    </form>
    ${made && html`<${Secret} secret=${made.secret} onClose=${() => setMade(null)} />`}`;
}

/** What a token is called; a browser by its name and system, as far as it tells them. */
function titleOf(token) {
  if (token.kind === "api") return `Program: ${token.label || "without a name"}`;
  const known = (names) => names.find((name) => token.label.includes(name));
  const browser = known(["Firefox", "Edg", "Chrome", "Safari"])?.replace("Edg", "Edge") ?? "a browser";
  const system = known(["Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux"]);
  return `Browser: ${browser}${system ? ` on ${system}` : ""}`;
}

function Secret({ secret, onClose }) {
  const copy = () => navigator.clipboard?.writeText(secret).then(() => toast("Copied", { kind: "good" }), () => {});
  return html`<${Dialog} title="A token for a program" onClose=${onClose}
      actions=${html`<button onClick=${copy}>Copy</button><button class="primary" onClick=${onClose}>Done</button>`}>
    <p>Send it as <code>Authorization: Bearer …</code>. It is shown this once.</p>
    <code class="secret">${secret}</code>
  <//>`;
}
