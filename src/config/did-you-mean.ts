/** Letters to insert, delete, change or swap with their neighbour between two short names. */
export const editDistance = (a: string, b: string): number => {
  let older: number[] = [];
  let old = Array.from({ length: b.length + 1 }, (_, i) => i);
  const at = (row: number[], index: number) => row[index] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = at(old, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? at(older, j - 2) + 1 : Number.POSITIVE_INFINITY;
      row.push(Math.min(change, swap, at(old, j) + 1, at(row, j - 1) + 1));
    }
    [older, old] = [old, row];
  }
  return at(old, b.length);
};

/** The known name nearest to `name` by `distance`, if `isNear` takes it for a slip. */
export const nearest = <Name extends string>(
  name: string,
  known: readonly Name[],
  isNear: (distance: number, candidate: Name) => boolean,
): Name | undefined =>
  known
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .filter(({ candidate, distance }) => isNear(distance, candidate))
    .sort((a, b) => a.distance - b.distance)[0]?.candidate;
