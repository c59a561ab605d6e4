// Preact, its hooks and signals, and `html` for templates: what every module of the pages imports.

import { Component, Fragment, h, render } from "preact";
import htm from "htm";

export { Component, Fragment, h, render };
export { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
export { batch, computed, effect, signal, useComputed, useSignal, useSignalEffect } from "@preact/signals";

/** Template tag: html`<p class=${name}>${text}</p>`. Text is never HTML. */
export const html = htm.bind(h);
