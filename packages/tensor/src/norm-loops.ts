/**
 * WGSL of root-mean-square norms of some columns of a row, for kernels that norm one part of a row or several.
 *
 * A workgroup takes its rows in two passes. The first reduces each row to its numbers, which private arrays keep; the
 * second takes blocks of columns, with their weights (and the sums of the weights' gradients) in registers, and walks
 * down the rows. So weights are loaded once a workgroup, and the gradient of the weights costs no pass of its own.
 */
import { eachIndex, indent } from "./row-kernel.ts";
import { type Team, teamReductions } from "./target.ts";

/** Columns of one lane in a block of scalars; with vectors a lane takes one. */
export const LANE_COLUMNS = 4;
/** Rows that private arrays keep the numbers of. */
export const ROW_BATCH = 32;

/**
 * WGSL expressions and buffer names of one norm: `D` columns from column `from` of rows of `stride`. With `vectors` all
 * buffers are of vec4f and the three count vectors.
 */
export interface NormPart {
  readonly vectors: boolean;
  readonly x: string;
  readonly stride: string;
  readonly from: string;
  readonly D: string;
  /** Weight [D]. */
  readonly weight: string;
}

/** What the forward writes. */
export interface NormForward extends NormPart {
  /** Buffer [rows, D]. */
  readonly y: string;
  /** WGSL that gives the element `i` of `x`, of row `row` and column `c`, and may store it there. Default: load it. */
  readonly element?: (i: string) => string;
}

/** What the backward reads and writes. */
export interface NormBackward extends NormPart {
  /** Buffer [rows, D]: gradient of the normed columns. */
  readonly dy: string;
  /** Buffer laid out as x. */
  readonly dx: string;
  /** WGSL of what the gradient is added to, at element `i` of dx. */
  readonly base?: (i: string) => string;
  /** Index into `partial` of this workgroup's first sum for the weight. */
  readonly partial: string;
  /** WGSL condition under which the sums are added to what is in `partial`. */
  readonly addsToPartial: string;
}

/** Declarations that the loops below need. */
export function normDeclarations(team: Team): string {
  return `${teamReductions(team)}
var<private> inverseRms: array<f32, ${ROW_BATCH}>;
var<private> pulls: array<f32, ${ROW_BATCH}>;`;
}

/** Norms the rows [first, end), at most ROW_BATCH of them; needs `lane`. */
export function normForward({ size: lanes }: Team, part: NormForward): string {
  const { x, stride, from, D, weight, y, vectors } = part;
  const element = part.element ?? ((i: string) => `let v = ${x}[${i}];`);
  const store = (j: number): string =>
    `${y}[to + ${j * lanes}u] = ${x}[at + ${j * lanes}u] * inverseRms[row - first] * w${j};`;
  return `for (var row = first; row < end; row++) {
  let start = row * ${stride} + ${from};
  var squares = ${zero(vectors)};
${indent(
  eachIndex(lanes, "0u", D, (i) => `${element(`start + ${i}`)} squares += v * v;`),
  2,
)}
  inverseRms[row - first] = inverseSqrt(${mean("squares", D, vectors)} + u.eps);
}
${columnBlocks(
  lanes,
  part,
  (count) => `${each(count, (j) => `let w${j} = ${weight}[c + ${j * lanes}u];`)}
for (var row = first; row < end; row++) {
  let at = row * ${stride} + ${from} + c;
  let to = row * ${D} + c;
  ${each(count, store)}
}`,
)}`;
}

/** Gradients of the rows [first, end), at most ROW_BATCH of them; needs `lane`. */
export function normBackward({ size: lanes }: Team, part: NormBackward): string {
  const { x, stride, from, D, weight, dy, dx, base, partial, addsToPartial, vectors } = part;
  const store = (j: number): string => {
    const at = `at + ${j * lanes}u`;
    const added = base ? `${base(at)} + ` : "";
    return `${dx}[${at}] = ${added}(g${j} * w${j} * scale - v${j} * pull);
  s${j} += g${j} * v${j} * scale;`;
  };
  return `for (var row = first; row < end; row++) {
  let start = row * ${stride} + ${from};
  let given = row * ${D};
  var squares = ${zero(vectors)};
  var products = ${zero(vectors)};
${indent(
  eachIndex(
    lanes,
    "0u",
    D,
    (i) => `let v = ${x}[start + ${i}]; squares += v * v; products += ${dy}[given + ${i}] * ${weight}[${i}] * v;`,
  ),
  2,
)}
  let scale = inverseSqrt(${mean("squares", D, vectors)} + u.eps);
  inverseRms[row - first] = scale;
  pulls[row - first] = ${mean("products", D, vectors)} * scale * scale * scale;
}
${columnBlocks(
  lanes,
  part,
  (count) => `${each(count, (j) => `let w${j} = ${weight}[c + ${j * lanes}u]; var s${j} = ${zero(vectors)};`)}
for (var row = first; row < end; row++) {
  let at = row * ${stride} + ${from} + c;
  let given = row * ${D} + c;
  let scale = inverseRms[row - first];
  let pull = pulls[row - first];
  ${each(count, (j) => `let v${j} = ${x}[at + ${j * lanes}u]; let g${j} = ${dy}[given + ${j * lanes}u];`)}
  ${each(count, store)}
}
let sums = ${partial} + c;
if (${addsToPartial}) { ${each(count, (j) => `s${j} += partial[sums + ${j * lanes}u];`)} }
${each(count, (j) => `partial[sums + ${j * lanes}u] = s${j};`)}`,
)}`;
}

/** Blocks of columns c, c + lanes, .. of each lane: four scalars while there are, then one at a time. */
function columnBlocks(lanes: number, { D, vectors }: NormPart, body: (count: number) => string): string {
  const blocks = `  for (; c + ${(LANE_COLUMNS - 1) * lanes}u < ${D}; c += ${LANE_COLUMNS * lanes}u) {
${indent(body(LANE_COLUMNS), 4)}
  }
`;
  return `{
  var c = lane;
${vectors ? "" : blocks}  for (; c < ${D}; c += ${lanes}u) {
${indent(body(1), 4)}
  }
}`;
}

function each(count: number, line: (j: number) => string): string {
  return Array.from({ length: count }, (_, j) => line(j)).join("\n  ");
}

function zero(vectors: boolean): string {
  return vectors ? "vec4f()" : "0.0";
}

/** Mean over the D columns of a row, of which each lane holds a sum. */
function mean(sum: string, D: string, vectors: boolean): string {
  const own = vectors ? `(${sum}.x + ${sum}.z) + (${sum}.y + ${sum}.w)` : sum;
  return `teamSum(${own}, lane) / f32(${D}${vectors ? " * 4u" : ""})`;
}
