// The page "API": the reference of all routes, made from what the server says of itself.

import { html, useEffect, useMemo, useState } from "#/html.js";
import { Problem, Waiting, useFetched } from "#/components/states.js";
import { api } from "#/api.js";
import { bodyOf, exampleOf, operations, typeOf } from "#/pages/api_docs/schema.js";

export const title = "API";

export function Page() {
  const { data, error, reload } = useFetched(() => api.get("/api/openapi.json"), []);
  const [sought, setSought] = useState("");
  const all = useMemo(() => (data ? operations(data) : []), [data]);
  useEffect(() => {
    if (data && location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }, [data]);
  if (error) return html`<${Head} /><${Problem} error=${error} retry=${reload} />`;
  if (!data) return html`<${Head} /><${Waiting} lines=${8} />`;
  const words = sought.toLowerCase().split(/\s+/);
  const found = all.filter((one) => words.every((word) => one.text.includes(word)));
  const groups = Object.entries(Object.groupBy(found, (one) => one.tag));
  return html`<${Head} about=${data.info.description} />
    <label class="api-search"><span class="visually-hidden">Search the API</span>
      <input type="search" placeholder="Search ${all.length} operations" value=${sought} onInput=${(event) => setSought(event.target.value)} /></label>
    <div class="settings">
      <nav aria-label="Parts of the API"><ul>${groups.map(([tag, some]) => html`<li key=${tag}><a href=${`#tag-${tag}`}>${tag} <span class="quiet">${some.length}</span></a></li>`)}</ul></nav>
      <div class="sections">
        ${groups.map(([tag, some]) => html`<section class="card" id=${`tag-${tag}`} key=${tag} aria-label=${tag}>
          <h2>${tag}</h2>${some.map((one) => html`<${Operation} key=${one.id} operation=${one} root=${data} />`)}
        </section>`)}
        ${!groups.length && html`<p class="quiet" role="status">No operation matches “${sought}”.</p>`}
      </div>
    </div>`;
}

function Head({ about }) {
  return html`<header class="page-head"><div class="grow"><h1>API</h1>${about && html`<p><${Words} text=${about} /></p>`}</div>
    <a class="button" href="/api/openapi.json">OpenAPI</a></header>`;
}

/** Text in which what stands between backticks is code. */
function Words({ text }) {
  return text.split("`").map((part, at) => (at % 2 ? html`<code key=${at}>${part}</code>` : part));
}

function Operation({ operation, root }) {
  const { id, method, path, summary, description, parameters } = operation;
  const body = bodyOf(operation.body, root);
  const answer = exampleOf(operation.responses, root);
  return html`<details class="operation" id=${id}>
    <summary><span class="method" data-method=${method}>${method.toUpperCase()}</span> <code>${path}</code> <span class="quiet small"><${Words} text=${summary} /></span></summary>
    <div class="stack">
      ${description && html`<p><${Words} text=${description} /></p>`}
      ${parameters.length > 0 && html`<${Parameters} rows=${parameters} root=${root} />`}
      ${body && html`<h3>Body <span class="quiet small">${body.type}</span></h3>
        ${body.rows.length ? html`<${Parameters} rows=${body.rows} root=${root} />` : html`<pre tabindex="0"><code>${body.text}</code></pre>`}`}
      ${answer && html`<h3>Answer <span class="quiet small">${answer.status} ${answer.type}</span></h3><pre tabindex="0"><code>${answer.text}</code></pre>`}
      <h3>Try it</h3><pre tabindex="0"><code>${curl(operation)}</code></pre>
    </div>
  </details>`;
}

function Parameters({ rows, root }) {
  return html`<div class="table-box" tabindex="0"><table>
    <thead><tr><th scope="col">Name</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead>
    <tbody>${rows.map((row) => html`<tr key=${`${row.in} ${row.name}`}>
      <td><code>${row.name}</code>${row.required && html` <span class="chip">needed</span>`}<br /><span class="quiet small">${row.in}</span></td>
      <td class="small">${typeOf(row.schema, root)}</td>
      <td class="small"><${Words} text=${row.description ?? row.schema?.description ?? ""} /></td>
    </tr>`)}</tbody></table></div>`;
}

function curl({ method, path, body }) {
  const json = body?.content?.["application/json"];
  const form = body?.content?.["multipart/form-data"];
  const sent = form ? " \\\n  -F file=@recording.wav" : json ? " \\\n  -H 'Content-Type: application/json' -d '{…}'" : "";
  const verb = method === "get" ? "" : ` -X ${method.toUpperCase()}`;
  return `curl${verb} '${location.origin}${path}'${sent}`;
}
