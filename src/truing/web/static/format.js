// Figures and instants as people read them.

const NUMBER = new Intl.NumberFormat(undefined);
const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

/** 12345 as 12,345. */
export const count = (value) => (value === null || value === undefined ? "–" : NUMBER.format(value));

/** "1 sample", "3 samples". */
export const counted = (value, noun, plural = `${noun}s`) => `${count(value)} ${value === 1 ? noun : plural}`;

/** 0.1234 as 12.3 %. */
export function percent(share, digits = 1) {
  return share === null || share === undefined ? "–" : `${(share * 100).toFixed(digits)} %`;
}

/** Seconds as 3.2 s, 1:05 or 1:02:03. */
export function seconds(value) {
  if (value === null || value === undefined) return "–";
  if (value < 60) return `${value.toFixed(1)} s`;
  const whole = Math.round(value);
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map((part) => String(part).padStart(2, "0"));
  const hours = Math.floor(whole / 3600);
  return hours ? `${hours}:${parts.join(":")}` : `${Number(parts[0])}:${parts[1]}`;
}

/** Bytes as 1.2 GB. */
export function bytes(value) {
  if (value === null || value === undefined) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let power = 0;
  let left = value;
  while (left >= 1000 && power < units.length - 1) {
    left /= 1000;
    power += 1;
  }
  return `${left.toFixed(left < 10 && power ? 1 : 0)} ${units[power]}`;
}

/** An ISO instant in the reader's own zone. */
export function instant(iso) {
  return iso ? new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }) : "–";
}

/** "5 minutes ago". */
export function ago(iso) {
  if (!iso) return "–";
  const passed = (new Date(iso).getTime() - Date.now()) / 1000;
  for (const [unit, size] of [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(passed) >= size) return RELATIVE.format(Math.round(passed / size), unit);
  }
  return "just now";
}
