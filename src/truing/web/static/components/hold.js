// Something that is so for as long as a key or a button is down.

import { html, useEffect, useRef, useState } from "#/html.js";
import { Icon } from "#/components/icon.js";

/** @returns {{held: boolean, press: (event: {code?: string}) => void, end: () => void}} */
export function useHeld() {
  const [held, setHeld] = useState(false);
  const down = useRef(null);
  const hold = (code) => {
    down.current = code;
    setHeld(code !== null);
  };
  // Always on: a key may be up again before anything is rendered.
  useEffect(() => {
    const up = (event) => event.code === down.current && hold(null);
    const end = () => hold(null);
    window.addEventListener("keyup", up);
    window.addEventListener("blur", end);
    return () => {
      window.removeEventListener("keyup", up);
      window.removeEventListener("blur", end);
    };
  }, []);
  return { held, press: (event) => hold(event.code ?? "pointer"), end: () => hold(null) };
}

/** @param {{holding: ReturnType<typeof useHeld>, label: string, title: string, disabled?: boolean, children: unknown}} props */
export function HoldButton({ holding, label, title, disabled, children }) {
  const { held, press, end } = holding;
  const down = (event) => {
    if (!["Space", "Enter"].includes(event.code)) return;
    event.preventDefault();
    press(event);
  };
  const pointed = (event) => {
    event.currentTarget.setPointerCapture(event.pointerId);
    press({});
  };
  return html`<button class="hold" aria-pressed=${String(held)} aria-label=${label} title=${title} disabled=${disabled}
    onPointerDown=${pointed} onPointerUp=${end} onPointerCancel=${end} onKeyDown=${down} onBlur=${end}
    onContextMenu=${(event) => event.preventDefault()}><${Icon} name="flicker" />${children}</button>`;
}
