// What a run says, followed line by line.

import { html, useEffect, useRef, useState } from "#/html.js";
import { Icon } from "#/components/icon.js";
import { ended } from "#/pages/train/state.js";
import { api } from "#/api.js";

const LOOK_MS = 1500;
const KEPT = 2000;

/** Lines so far; asks for further ones while the run goes on. `told` says why there are none. */
function useLines(run) {
  const [lines, setLines] = useState([]);
  const [told, setTold] = useState(null);
  const cursor = useRef(0);
  const over = ended(run);
  useEffect(() => {
    let closed = false;
    let timer = 0;
    const look = async () => {
      try {
        for (let more = true; more && !closed; ) {
          const found = await api.get(`/api/runs/${run.run}/log`, { after: cursor.current });
          more = found.lines.length > 0;
          cursor.current = found.next ?? cursor.current;
          if (more && !closed) setLines((before) => [...before, ...found.lines].slice(-KEPT));
        }
        setTold(null);
      } catch (error) {
        setTold(error.message);
      }
      if (!closed && !over) timer = setTimeout(look, LOOK_MS);
    };
    look();
    return () => {
      closed = true;
      clearTimeout(timer);
    };
  }, [run.run, run.state, over]);
  return { lines, told };
}

/** The log of a run: stays at its end until a person scrolls up. */
export function Log({ run }) {
  const { lines, told } = useLines(run);
  const [follow, setFollow] = useState(true);
  const box = useRef(null);
  useEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines, follow]);
  const scrolled = () => {
    const { scrollTop, clientHeight, scrollHeight } = box.current;
    setFollow(scrollTop + clientHeight >= scrollHeight - 24);
  };
  return html`<section class="card run-log" aria-label="Log">
    <header class="row between">
      <h2>Log</h2>
      <span class="row">
        <label class="check small"><input type="checkbox" checked=${follow} onChange=${(event) => setFollow(event.currentTarget.checked)} /> Follow</label>
        <a class="button compact" href="/api/runs/${run.run}/log?format=text" download="run-${run.run}.log"><${Icon} name="download" /> Download</a>
      </span>
    </header>
    ${told && html`<p class="bad small">${told}</p>`}
    <pre class="run-lines" ref=${box} tabindex="0" role="log" aria-live="off" aria-label="Log of run ${run.run}" onScroll=${scrolled}>${lines.length ? lines.join("\n") : "Nothing yet."}</pre>
  </section>`;
}
