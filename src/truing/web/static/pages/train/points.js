// The figures of a run by name, in the order of their steps, as charts take them.

/** Steps and values of each figure; a step told again, as after a crash, counts as told last. */
export class Points {
  constructor() {
    this.byName = new Map();
    this.newest = -1;
  }

  /** Takes points `{step, name, value}` in any order. */
  add(points) {
    for (const { step, name, value } of points) {
      if (!this.byName.has(name)) this.byName.set(name, { steps: [], values: [] });
      put(this.byName.get(name), step, value);
      this.newest = Math.max(this.newest, step);
    }
  }

  /** The newest value of a figure, or null. */
  last(name) {
    return this.byName.get(name)?.values.at(-1) ?? null;
  }

  get names() {
    return [...this.byName.keys()];
  }

  /**
   * Columns over common steps.
   * @param {{label: string, name: string, token?: string, noisy?: boolean}[]} wanted `noisy`: drawn as a trend, with the figures pale behind it
   */
  columns(wanted) {
    return aligned(wanted.map((one) => ({ ...one, ...(this.byName.get(one.name) ?? { steps: [], values: [] }) })));
  }
}

function put(known, step, value) {
  let at = known.steps.length;
  while (at > 0 && known.steps[at - 1] > step) at -= 1;
  if (at > 0 && known.steps[at - 1] === step) known.values[at - 1] = value;
  else {
    known.steps.splice(at, 0, step);
    known.values.splice(at, 0, value);
  }
}

/** Lines with steps of their own as columns over all their steps. */
export function aligned(lines) {
  const x = [...new Set(lines.flatMap((line) => line.steps))].sort((a, b) => a - b);
  const place = new Map(x.map((step, index) => [step, index]));
  const column = (steps, values) => {
    const found = new Array(x.length).fill(null);
    steps.forEach((step, index) => (found[place.get(step)] = values[index]));
    return found;
  };
  const shown = lines.filter((line) => line.steps.length);
  const series = shown.map(({ label, token, steps, values, noisy }) => ({ label, token, values: column(steps, noisy ? smoothed(values) : values), behind: noisy ? column(steps, values) : undefined }));
  return { x, series };
}

/** A trend through figures that jump from step to step: their mean, the newest counting most (as Adam's, unbiased from the start). */
function smoothed(values) {
  const keep = 1 - 1 / Math.min(30, Math.max(1, values.length / 12));
  let [sum, weight] = [0, 0];
  return values.map((value) => {
    if (value === null) return null;
    sum = keep * sum + (1 - keep) * value;
    weight = keep * weight + (1 - keep);
    return sum / weight;
  });
}
