// The JSON API as functions; every refusal is an ApiError with the server's words.

/** An answer that is an error: `code`, `message`, `hint` as the server tells them. */
export class ApiError extends Error {
  /** @param {number} status @param {{code: string, message: string, hint: string|null}} told @param {any} body */
  constructor(status, told, body = null) {
    super(told.message);
    this.status = status;
    this.code = told.code;
    this.hint = told.hint;
    this.body = body;
  }

  /** Whether trying again later may help: the server is away, or busy. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 502;
  }
}

/** Seconds until a question counts as lost; a connection that fell asleep never answers. */
const PATIENCE = 30;
const AWAY = { code: "offline", message: "the server does not answer", hint: "is `truing serve` running?" };

/** Path and parameters as one address; empty values are left out, lists are repeated. */
export function address(path, params = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") query.append(name, String(one));
    }
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/**
 * One request. Plain objects are sent as JSON, FormData and Blobs as they are.
 * @returns {Promise<any>} the JSON of the answer, or null when it has none
 */
export async function request(method, path, { params, body, headers = {}, signal } = {}) {
  const raw = body instanceof FormData || body instanceof Blob || body instanceof ArrayBuffer;
  const sent = { ...headers };
  if (body !== undefined && !raw) sent["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(address(path, params), {
      method,
      headers: sent,
      body: body === undefined || raw ? body : JSON.stringify(body),
      signal: patient(method, signal),
      credentials: "same-origin",
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, AWAY);
  }
  const answer = await parsed(response);
  if (!response.ok) {
    const told = answer?.error ?? { code: "http", message: `the server answered ${response.status}`, hint: null };
    if (response.status === 401 && location.pathname !== "/login") {
      location.assign(address("/login", { next: location.pathname + location.search }));
    }
    throw new ApiError(response.status, told, answer);
  }
  return answer;
}

/** Only questions are given up: of a change nobody would know whether it was made. */
function patient(method, signal) {
  if (method !== "GET") return signal;
  const limit = AbortSignal.timeout(PATIENCE * 1000);
  return signal ? AbortSignal.any([signal, limit]) : limit;
}

async function parsed(response) {
  const type = response.headers.get("content-type") ?? "";
  if (response.status === 204 || !type.includes("json")) return null;
  try {
    return await response.json();
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    // The answer broke off on its way: what it said is not known.
    if (response.ok) throw new ApiError(0, AWAY);
    return null;
  }
}

/**
 * The bytes at an address, such as a medium's.
 * @param {string} url
 * @param {{signal?: AbortSignal, missing: string}} options `missing` says what is not there, when the server does not
 */
export async function blobAt(url, { signal, missing }) {
  const answer = await fetch(url, { signal });
  if (answer.ok) return answer.blob();
  const told = (await answer.json().catch(() => null))?.error;
  throw new ApiError(answer.status, told ?? { code: "http", message: missing, hint: null });
}

export const api = {
  get: (path, params, options) => request("GET", path, { params, ...options }),
  post: (path, body, options) => request("POST", path, { body, ...options }),
  put: (path, body, options) => request("PUT", path, { body, ...options }),
  patch: (path, body, options) => request("PATCH", path, { body, ...options }),
  delete: (path, options) => request("DELETE", path, options ?? {}),
};
