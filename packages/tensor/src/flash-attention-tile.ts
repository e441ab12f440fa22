/**
 * WGSL pieces shared by the flash attention kernels for software adapters.
 *
 * One workgroup is one subgroup of `lanes`. A tile of `lanes * perLane` rows of one operand stays in private arrays
 * (they live on the stack, in the first-level cache) while the rows of the other operand stream past:
 *
 * - a *dot stage* multiplies the streamed row by the tile laid out with lanes over tile rows: `sums_j` of lane l belongs
 *   to tile row `j * lanes + l`. Elements of the streamed row are broadcast by `subgroupShuffle`;
 * - an *outer stage* adds `weight[row] * tile[row, :]` over the tile's rows, with lanes over the head dimension.
 *
 * All indices into private arrays are constants there, which the driver turns into plain vector loads. Products are
 * summed as trees and the stages are cut into short blocks by real branches: without these the compiler defers the
 * additions, and spills.
 */
export interface FlashTile {
  /** Invocations of the workgroup = lanes of the subgroup. */
  readonly lanes: number;
  /** Tile rows per lane. */
  readonly perLane: number;
  /** Head size of queries and keys. */
  readonly headDimQk: number;
  /** Head size of values. */
  readonly headDimV: number;
}

/** Rows of a tile. */
export function tileRows({ lanes, perLane }: FlashTile): number {
  return lanes * perLane;
}

/** Vectors of `lanes` elements that hold `size` elements. */
export function vectors({ lanes }: FlashTile, size: number): number {
  return Math.ceil(size / lanes);
}

/** `[0, 1, .., n - 1]`. */
export function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}

/** `lines` of each `i` below `n`, joined. */
export function repeat(n: number, lines: (i: number) => string): string {
  return range(n).map(lines).join("\n");
}

/** Sum of terms as a balanced tree. */
export function tree(terms: readonly string[]): string {
  if (terms.length === 1) return terms[0]!;
  const half = terms.length >> 1;
  return `(${tree(terms.slice(0, half))} + ${tree(terms.slice(half))})`;
}

/** Declares `name0..` as the lanes' elements of a row of `size` elements that starts at `base` in `buffer`. */
export function loadRow(tile: FlashTile, name: string, buffer: string, base: string, size: number): string {
  return repeat(vectors(tile, size), (c) => `let ${name}${c} = ${buffer}[${base} + ${c * tile.lanes}u + lane];`);
}

/** A dot stage cuts the tile into this many parts, and skips those that do not matter. */
const PARTS = 2;

/** Operands of a dot stage. */
export interface DotStage {
  /** Prefix of the variables that receive the sums, one per tile row of the lane. */
  readonly sums: string;
  /** Prefix of the streamed row's vectors. */
  readonly row: string;
  /** Private array of the tile, `[size, perLane]` per lane. */
  readonly panel: string;
  readonly size: number;
  /** WGSL condition, uniform, under which a tile row of the groups `from..to` matters; a group is `lanes` rows. */
  readonly groups: (from: number, to: number) => string;
}

/** `sums_j = sum over d of row[d] * panel[d, j]`; parts of the tile that do not matter stay 0. */
export function dotStage(tile: FlashTile, { sums, row, panel, size, groups }: DotStage): string {
  const { lanes, perLane } = tile;
  const step = Math.ceil(perLane / PARTS);
  const chunk = (c: number): string => {
    const ds = range(Math.min(lanes, size - c * lanes));
    const line = (j: number): string =>
      `${sums}${j} += ${tree(ds.map((d) => `x${d} * ${panel}[${(c * lanes + d) * perLane + j}]`))};`;
    const part = (from: number): string => {
      const to = Math.min(from + step, perLane) - 1;
      return `if (${groups(from, to)}) {\n${repeat(to - from + 1, (j) => line(from + j))}\n}`;
    };
    const broadcasts = ds.map((d) => `let x${d} = subgroupShuffle(${row}${c}, ${d}u);`).join(" ");
    return `{\n${broadcasts}\n${repeat(Math.ceil(perLane / step), (i) => part(i * step))}\n}`;
  };
  const zeros = repeat(perLane, (j) => `var ${sums}${j} = 0.0;`);
  return `${zeros}\n${repeat(vectors(tile, size), chunk)}`;
}

/** Operands of an outer stage. */
export interface OuterStage {
  /** Prefix of the accumulators, `vectors(size)` variables with lanes over the head dimension. */
  readonly sums: string;
  /** Prefix of the weights, one per tile row of the lane. */
  readonly weights: string;
  /** Private array of the tile, `[tileRows, vectors(size)]` per lane. */
  readonly panel: string;
  readonly size: number;
  /** WGSL condition, uniform, under which the `j`-th group of `lanes` tile rows matters. */
  readonly group: (j: number) => string;
}

/** `sums_c += sum over tile rows of weight[row] * panel[row, c]`. */
export function outerStage(tile: FlashTile, { sums, weights, panel, size, group }: OuterStage): string {
  const { lanes, perLane } = tile;
  const count = vectors(tile, size);
  return repeat(perLane, (j) => {
    const term = (row: number, c: number): string => `x${row} * ${panel}[${(j * lanes + row) * count + c}]`;
    const lines = repeat(count, (c) => `${sums}${c} += ${tree(range(lanes).map((row) => term(row, c)))};`);
    const broadcasts = range(lanes).map((row) => `let x${row} = subgroupShuffle(${weights}${j}, ${row}u);`);
    return `if (${group(j)}) {\n${broadcasts.join(" ")}\n${lines}\n}`;
  });
}

/** `name` reduced over the subgroup by butterfly steps; `combine` writes one step. */
export function reduceLanes(tile: FlashTile, name: string, combine: (a: string, b: string) => string): string {
  return repeat(Math.log2(tile.lanes), (i) => `${name} = ${combine(name, `subgroupShuffleXor(${name}, ${1 << i}u)`)};`);
}

/**
 * Fills a panel with lanes over tile rows: row `first + j * lanes + lane` of `buffer`, clamped to `count - 1`.
 * The loop's bound is a uniform: the driver unrolls loops of a known count up to 32, which explodes the code.
 */
export function fillByRows(tile: FlashTile, { panel, buffer, base, stride, first, count, size }: FillOptions): string {
  const { lanes, perLane } = tile;
  return `
${repeat(perLane, (j) => `let ${panel}Row${j} = ${base} + min(${first} + ${j * lanes}u + lane, ${count} - 1u) * ${stride};`)}
for (var d = 0u; d < ${size}; d++) {
${repeat(perLane, (j) => `${panel}[d * ${perLane}u + ${j}u] = ${buffer}[${panel}Row${j} + d];`)}
}`;
}

/**
 * Fills a panel with lanes over the head dimension. Rows past `count` keep what they had (finite: zero or an older
 * tile), their weights are zero; lanes past the head size hold neighbouring elements that nothing reads.
 */
export function fillByDims(
  tile: FlashTile,
  { panel, buffer, base, stride, first, count, dims }: Omit<FillOptions, "size"> & { readonly dims: number },
): string {
  const size = vectors(tile, dims);
  return `
for (var row = 0u; row < min(${tileRows(tile)}u, ${count} - ${first}); row++) {
let at = ${base} + (${first} + row) * ${stride} + lane;
${repeat(size, (c) => `${panel}[row * ${size}u + ${c}u] = ${buffer}[at + ${c * tile.lanes}u];`)}
}`;
}

/** Where a panel's rows come from; all WGSL expressions but `panel` and `buffer`. */
export interface FillOptions {
  readonly panel: string;
  readonly buffer: string;
  /** Offset of row 0. */
  readonly base: string;
  readonly stride: string;
  readonly first: string;
  /** Rows that the buffer has. */
  readonly count: string;
  /** Uniform that holds the head size. */
  readonly size: string;
}
