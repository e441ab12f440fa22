/**
 * FP8 products C = A B (+ C) with scales, for software adapters.
 *
 * A software adapter executes one subgroup as one SIMD register. It pays some 7 ns for every lane-varying load from a
 * buffer, but nothing for constant indices into a private array. So every lane keeps 128 x `columnsPerLane` decoded
 * elements of B in private memory (the stretch of k that shares scales) and streams rows of A past them. A word is four
 * codes, so the lanes load four times as many k at once as of f32, decode them in registers, and subgroup shuffles hand
 * each of them to all lanes. Layout tn has words across rows: four rows of C are computed from the same words.
 *
 * A lane's columns are neighbours: rows of B along n are filled in by whole words.
 *
 * The guard around every eight k skips what lies beyond K, and keeps the shader compiler from deferring the additions of
 * one block past the products of the next, which would spill every register. Words beyond K count as zero in A and in B:
 * what lies there may be the next expert's, and 0 x NaN must not reach a sum.
 */
import { TILE } from "@ds3/fp8-codec";
import { defineKernel, type Kernel } from "@ds3/tensor";
import {
  decoded,
  type Fp8ProductParams,
  fp8MatmulUniforms,
  fp8ProductLabel,
  fp8ProductReads,
  fp8ProductWgsl,
  scaleIndexA,
  scaleIndexB,
} from "./matmul-operands.ts";

/** Compile-time parameters of the panel kernel. */
export interface Fp8PanelParams extends Fp8ProductParams {
  /** Invocations of a workgroup, a power of two up to 32; with `subgroups` exactly one subgroup. */
  readonly lanes: number;
  /** Hand codes of A out by subgroup shuffles; without, every lane loads all of A itself. */
  readonly subgroups: boolean;
  /** Columns of C a lane: 4 or 8. A workgroup covers lanes x columnsPerLane. */
  readonly columnsPerLane: number;
  /** C is read and written by four columns at once; needs an N that four divides. */
  readonly vector: boolean;
}

/** k between two guards, and the length of the sums that are trees. */
const BLOCK = 8;

/**
 * The panel kernel. Bindings A, B, scaleA, scaleB, (tiles | offsets), C. Grid: x over columns, y over row chunks of
 * `rowsPerGroup` (for tn a multiple of 4) or tiles, z over experts (k).
 */
export function fp8MatmulPanelWgsl(params: Fp8PanelParams): Kernel {
  const { layout, grouped, lanes, subgroups, columnsPerLane, vector } = params;
  const columns = range(columnsPerLane);
  const scalesB = layout === "tn" ? columns : [0];
  return defineKernel({
    label: `fp8Matmul ${fp8ProductLabel(params)} panel lanes=${lanes} ${subgroups ? "shuffle" : "load"} columns=${columnsPerLane}${vector ? " vector" : ""}`,
    uniforms: fp8MatmulUniforms,
    reads: fp8ProductReads(grouped),
    writes: { C: vector ? "vec4f" : "f32" },
    enable: subgroups ? ["subgroups"] : [],
    body: `
var<private> panel: array<f32, ${TILE * columnsPerLane}>; // [128, columnsPerLane] decoded codes of B, this lane's columns
${layout === "tn" && !subgroups ? `var<private> words: array<u32, ${TILE}>; // four rows of A for each k` : ""}
${fp8ProductWgsl(params)}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = part(group);
  if (p.rows.x >= p.rows.y || (p.depth == 0u && u.accumulate != 0u && u.round == 0u)) { return; }
  let column = (group.x * ${lanes}u + lane) * ${columnsPerLane}u;
  for (var k0 = 0u; k0 == 0u || k0 < p.depth; k0 += ${TILE}u) {
    let left = p.depth - k0;
    let tile = k0 / ${TILE}u;
${fillWgsl(params)}
${scalesB.map((j) => `    let scaleB${j} = scaleB[${scaleIndexB(layout, `min(column + ${j}u, u.N - 1u)`, "tile")}];`).join("\n")}
    let resume = k0 > 0u || u.accumulate != 0u;
    let round = u.round != 0u && left <= ${TILE}u;
${layout === "tn" ? rowsOfWords(params) : rowsAlongK(params)}
  }
}`,
  });
}

/** Decodes 128 k of this lane's columns, zero beyond K, up to the end of the last block that is multiplied. */
function fillWgsl({ layout, columnsPerLane, formatB }: Fp8PanelParams): string {
  const blocks = `(min(${TILE}u, left) + ${BLOCK - 1}u) / ${BLOCK}u`;
  const entry = (k: string, j: number): string => `panel[${k} * ${columnsPerLane}u + ${j}u]`;
  if (layout === "nt") {
    const columns = range(columnsPerLane);
    return `    let wordsFilled = ${blocks} * ${BLOCK / 4}u;
    for (var i = 0u; i < wordsFilled; i++) {
${columns
  .map(
    (j) => `      let w${j} = select(0u, B[p.b + min(column + ${j}u, u.N - 1u) * u.ldb + k0 / 4u + i], 4u * i < left);
${range(4)
  .map((c) => `      ${entry(`(4u * i + ${c}u)`, j)} = ${decoded(formatB, `w${j}`, c)};`)
  .join("\n")}`,
  )
  .join("\n")}
    }`;
  }
  return `    let filled = ${blocks} * ${BLOCK}u;
    for (var k = 0u; k < filled; k++) {
${range(columnsPerLane / 4)
  .map(
    (w) => `      let w${w} = select(0u, B[p.b + (k0 + k) * u.ldb + min(column / 4u + ${w}u, u.ldb - 1u)], k < left);
${range(4)
  .map((c) => `      ${entry("k", 4 * w + c)} = ${decoded(formatB, `w${w}`, c)};`)
  .join("\n")}`,
  )
  .join("\n")}
    }`;
}

/** Rows of A whose words lie along k. */
function rowsAlongK(params: Fp8PanelParams): string {
  const { layout, columnsPerLane, formatA, lanes, subgroups } = params;
  const load = (word: string, k: string): string => `select(0u, A[words + ${word}], ${k} < left)`;
  const perLoad = 4 * lanes;
  const block = (q: number): string => {
    const k = q * BLOCK;
    if (!subgroups) {
      const words = range(BLOCK / 4).map((h) => `let w${h} = ${load(`${k / 4 + h}u`, `${k + 4 * h}u`)};`);
      return [...words, ...range(BLOCK).map((i) => `let a${i} = ${decoded(formatA, `w${i >> 2}`, i & 3)};`)].join(
        "\n        ",
      );
    }
    const start = (k % perLoad) / 4;
    const load0 =
      start > 0
        ? []
        : [
            `let w = ${load(`${k / 4}u + lane`, `${k}u + 4u * lane`)};`,
            ...range(4).map((c) => `d${c} = ${decoded(formatA, "w", c)};`),
          ];
    const shuffles = range(BLOCK).map((i) => `let a${i} = subgroupShuffle(d${i & 3}, ${start + (i >> 2)}u);`);
    return [...load0, ...shuffles].join("\n        ");
  };
  return `    for (var m = p.rows.x; m < p.rows.y; m++) {
      let words = p.a + m * u.lda + k0 / 4u;
${
  subgroups
    ? `${range(4)
        .map((c) => `      var d${c} = 0.0;`)
        .join("\n")}`
    : ""
}
${sumsWgsl(columnsPerLane, block)}
      let scale = scaleA[${scaleIndexA(layout, "m", "tile")}] * scaleB0;
${finishWgsl(
  params,
  range(columnsPerLane).map((j) => `s${j} * scale`),
)}
    }`;
}

/** Rows of A in fours, a word for each k. */
function rowsOfWords(params: Fp8PanelParams): string {
  const { layout, columnsPerLane, formatA, lanes, subgroups } = params;
  const decode = (word: string): string => decoded(formatA, word, { shift: "shift" });
  const load = (k: string): string => `select(0u, A[p.a + (k0 + ${k}) * u.lda + four / 4u], ${k} < left)`;
  const loads = subgroups
    ? range(TILE / lanes)
        .map((t) => `      let w${t} = ${load(`${t * lanes}u + lane`)};`)
        .join("\n")
    : `      for (var k = 0u; k < filled; k++) { words[k] = ${load("k")}; }`;
  const block = (q: number): string => {
    if (!subgroups)
      return range(BLOCK)
        .map((i) => `let a${i} = ${decode(`words[${q * BLOCK + i}]`)};`)
        .join("\n        ");
    const first = Math.floor((q * BLOCK) / lanes);
    const spread = Math.ceil(BLOCK / lanes);
    const own = range(spread).map((t) => `let own${t} = ${decode(`w${first + t}`)};`);
    const shuffles = range(BLOCK).map((i) => {
      const k = q * BLOCK + i;
      return `let a${i} = subgroupShuffle(own${Math.floor(k / lanes) - first}, ${k % lanes}u);`;
    });
    return [...own, ...shuffles].join("\n        ");
  };
  return `    for (var four = p.rows.x; four < p.rows.y; four += 4u) {
${loads}
      let end = min(four + 4u, p.rows.y);
      for (var m = four; m < end; m++) {
      let shift = 8u * (m - four);
${sumsWgsl(columnsPerLane, block)}
      let scale = scaleA[${scaleIndexA(layout, "m", "tile")}];
${finishWgsl(
  params,
  range(columnsPerLane).map((j) => `s${j} * (scale * scaleB${j})`),
)}
      }
    }`;
}

/** Sums of products over the panel, `elements` declaring a0 to a7 of a block. */
function sumsWgsl(columnsPerLane: number, elements: (q: number) => string): string {
  const columns = range(columnsPerLane);
  const blocks = range(TILE / BLOCK).map((q) => {
    const sums = columns.map((j) => {
      const products = range(BLOCK).map((i) => `a${i} * panel[${(q * BLOCK + i) * columnsPerLane + j}]`);
      return `s${j} += ${balancedSum(products)};`;
    });
    return `      if (left > ${q * BLOCK}u) {
        ${elements(q)}
        ${sums.join("\n        ")}
      }`;
  });
  return [...columns.map((j) => `      var s${j} = 0.0;`), ...blocks].join("\n");
}

/** What was summed over the panel, with its scales, into C. */
function finishWgsl({ vector }: Fp8PanelParams, scaled: readonly string[]): string {
  const each = (line: (j: number) => string): string => scaled.map((_, j) => line(j)).join("\n");
  const access = vector ? vectorAccess(scaled.length) : elementAccess(scaled.length);
  return `      let row = p.c + m * u.N + column;
${each((j) => `      s${j} = ${scaled[j]};`)}
      if (resume) {
${access.load.map((line) => `        ${line}`).join("\n")}
      }
      if (round) {
${each((j) => `        s${j} = toBf16(s${j});`)}
      }
${access.store.map((line) => `      ${line}`).join("\n")}`;
}

/** How s0, s1 ... are added to from C, and stored. Columns beyond N read what they like and store nothing. */
interface ResultAccess {
  readonly load: readonly string[];
  readonly store: readonly string[];
}

function elementAccess(columns: number): ResultAccess {
  return {
    load: range(columns).map((j) => `s${j} += C[row + ${j}u];`),
    store: range(columns).map((j) => `if (column + ${j}u < u.N) { C[row + ${j}u] = s${j}; }`),
  };
}

function vectorAccess(columns: number): ResultAccess {
  const fours = range(columns / 4);
  return {
    load: fours.flatMap((v) => [
      `let c${v} = C[row / 4u + ${v}u];`,
      ...range(4).map((i) => `s${4 * v + i} += c${v}.${"xyzw"[i]};`),
    ]),
    store: fours.map((v) => {
      const sums = range(4).map((i) => `s${4 * v + i}`);
      return `if (column + ${4 * v}u < u.N) { C[row / 4u + ${v}u] = vec4f(${sums.join(", ")}); }`;
    }),
  };
}

/** ((t0 + t1) + (t2 + t3)) ...: short chains, in one fixed order. */
function balancedSum(terms: readonly string[]): string {
  if (terms.length === 1) return terms[0] as string;
  const half = terms.length >> 1;
  return `(${balancedSum(terms.slice(0, half))} + ${balancedSum(terms.slice(half))})`;
}

function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
