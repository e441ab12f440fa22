/** Positions of ids, grouped by id, as one array for one upload. */
export interface IdGroups {
  /** ids [T], positions sorted by id [T], first place of each distinct id in them and T [G + 1], distinct ids [G]. */
  readonly table: Int32Array;
  /** G, the number of distinct ids. */
  readonly distinct: number;
}

/** Groups positions by id, ids ascending, positions of one id ascending: the order of the embedding gradient's sums. */
export function groupById(ids: Int32Array): IdGroups {
  const T = ids.length;
  // One number sorts by id, then by position: exact below 2^53.
  const keys = Float64Array.from(ids, (id, position) => id * T + position).sort();
  const positions = Array.from(keys, (key) => key % T);
  const starts: number[] = [];
  const distinct: number[] = [];
  for (const [place, position] of positions.entries()) {
    const id = ids[position]!;
    if (id === distinct.at(-1)) continue;
    starts.push(place);
    distinct.push(id);
  }
  return { table: Int32Array.from([...ids, ...positions, ...starts, T, ...distinct]), distinct: distinct.length };
}
