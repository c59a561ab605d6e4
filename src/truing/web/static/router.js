// Which page is shown: the address is the truth, links change it without a reload.

import { signal } from "#/html.js";

/** @type {import("@preact/signals").Signal<{path: string, page: string, rest: string[], params: URLSearchParams}>} */
export const route = signal(read());

function read() {
  const parts = location.pathname.split("/").filter(Boolean);
  return {
    path: location.pathname,
    page: parts[0] ?? "home",
    rest: parts.slice(1).map(decodeURIComponent),
    params: new URLSearchParams(location.search),
  };
}

/** Goes to an address of the app; `replace` leaves no entry in the history, `still` does not scroll. */
export function navigate(href, { replace = false, still = false } = {}) {
  if (href === location.pathname + location.search + location.hash) return;
  history[replace ? "replaceState" : "pushState"]({}, "", href);
  route.value = read();
  if (!replace && !still) window.scrollTo(0, 0);
}

/** Changes parameters of the present address; null, "" and undefined take one away. */
export function setParams(changes, { replace = true } = {}) {
  const params = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    params.delete(name);
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") params.append(name, String(one));
    }
  }
  const text = params.toString();
  navigate(location.pathname + (text ? `?${text}` : ""), { replace });
}

window.addEventListener("popstate", () => {
  route.value = read();
});

document.addEventListener("click", (event) => {
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  if (!plain || event.defaultPrevented || !(link instanceof HTMLAnchorElement)) return;
  if (link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
  if (link.pathname.startsWith("/api/") || link.pathname.startsWith("/static/")) return;
  // A place on the page that is shown: the browser's own way.
  if (link.hash && link.pathname === location.pathname && link.search === location.search) return;
  event.preventDefault();
  navigate(link.pathname + link.search + link.hash);
});
