// The app: the frame around all pages, and the page that the address names.

import "#/outbox.js";
import { Shell } from "#/shell.js";
import { html, render } from "#/html.js";

const place = document.getElementById("app");
place.replaceChildren();
render(html`<${Shell} />`, place);
