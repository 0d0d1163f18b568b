export interface Summary {
  median: number;
  least: number;
  most: number;
}

/** Median and range of at least one value; of an even number the mean of the two in the middle. */
export function summarise(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number): number => {
    const value = sorted[index];
    if (value === undefined) throw new RangeError('no values to summarise');
    return value;
  };
  const middle = Math.floor(sorted.length / 2);
  return {
    median: sorted.length % 2 === 1 ? at(middle) : (at(middle - 1) + at(middle)) / 2,
    least: at(0),
    most: at(sorted.length - 1),
  };
}

/** Pair by pair: round n of the one over round n of the other, so that a machine whose speed drifts does not bend the ratio. */
export function ratios(over: readonly number[], under: readonly number[]): number[] {
  return over.map((value, round) => value / (under[round] ?? Number.NaN));
}
