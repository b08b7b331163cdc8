/** Values of several rounds. */

/** `{median, low, high}` */
export function spread(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const median = (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
  return { median, low: sorted[0], high: sorted.at(-1) };
}

/** `median [low..high]` */
export function written(values, digits) {
  const { median, low, high } = spread(values);
  return `${median.toFixed(digits)} [${low.toFixed(digits)}..${high.toFixed(digits)}]`;
}

/** In each round: how many times as much of `figure` one variant has as another. */
export function ratios(rounds, figure, one, other) {
  return rounds.map((round) => round[one][figure] / round[other][figure]);
}
