import { type CodeFormat, TILE, type Tiling } from "@ds3/fp8-codec";
import { cachedTemplate, defineKernel, FLAT_INDEX, type Kernel } from "@ds3/tensor";
import { CODE_LAYOUTS, codeName, decodeWgsl } from "./codes.wgsl.ts";
import { unpackUnit } from "./tiles.wgsl.ts";
import { UE8M0_DECODE } from "./ue8m0.wgsl.ts";

/** Compile-time choices. */
export interface DequantizeParams {
  readonly format: CodeFormat;
  /**
   * `none`: codes without scales. `grouped`: column tiles that begin anew for each expert. `bytes`, `words`: row tiles whose
   * scales, as UE8M0 bytes or f32, follow the codes of each row.
   */
  readonly tiling: Tiling | "grouped" | "none" | "bytes" | "words";
  /** `out` is bound as vec4f: columns are a multiple of 4. */
  readonly vectors: boolean;
  /** Invocations per workgroup. */
  readonly lanes: number;
}

/**
 * codes, rows `codePitch` words apart, and scales -> out [rows, columns] f32. A workgroup takes one stretch of `span` units of a row; a unit
 * is 4 codes in a word, e5m6 8 codes in 3 words. `matrixRows` are the rows of one matrix of the batch.
 */
export const dequantizeWgsl: (params: DequantizeParams) => Kernel = cachedTemplate((params: DequantizeParams) => {
  const { format, tiling, vectors, lanes } = params;
  const { codes, words } = CODE_LAYOUTS[format];
  const scaled = tiling !== "none";
  const apart = scaled && tiling !== "bytes" && tiling !== "words";
  const label = `fp8 dequantize ${format} ${tiling} ${vectors ? "vec4f" : "f32"} lanes=${lanes}`;
  const fours = unpackUnit(format, (j) => `codes[at + ${j}u]`).map((four, i) => {
    const decoded = `vec4f(${four.map((code) => `decode${codeName(format)}(${code})`).join(", ")})`;
    return `put(row, column + ${4 * i}u, ${decoded}${scaled ? ` * scalesOf(tileRow, column + ${4 * i}u)` : ""});`;
  });
  return defineKernel({
    label,
    uniforms: {
      ...{ rows: "u32", columns: "u32", units: "u32", span: "u32", spans: "u32", codePitch: "u32" },
      ...(apart ? { matrixRows: "u32", pitch: "u32" } : {}),
      ...(tiling === "grouped" ? { E: "u32" } : {}),
    },
    reads: { codes: "u32", ...(apart ? { scales: "f32" } : {}), ...(tiling === "grouped" ? { offsets: "u32" } : {}) },
    writes: { out: vectors ? "vec4f" : "f32" },
    body: `${FLAT_INDEX}
${decodeWgsl(format)}
${scaled ? scalesWgsl(tiling, words) : ""}
${putWgsl(vectors)}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let g = flatGroup(group, groups);
  if (g >= u.rows * u.spans) { return; }
  let row = g / u.spans;
  let first = g % u.spans * u.span;
  let end = min(first + u.span, u.units);
  ${scaled ? tileRowText(tiling) : ""}
  for (var unit = first + lane; unit < end; unit += ${lanes}u) {
    let at = row * u.codePitch + unit * ${words}u;
    let column = unit * ${codes}u;
    ${fours.join("\n    ")}
  }
}`,
  });
});

/** `fn put(row, column, v)`: writes four values, of a row's end those that are there. */
function putWgsl(vectors: boolean): string {
  if (vectors) {
    return `fn put(row: u32, column: u32, v: vec4f) {
  if (column < u.columns) { out[(row * u.columns + column) / 4u] = v; }
}`;
  }
  const one = (i: number): string =>
    `if (column + ${i}u < u.columns) { out[row * u.columns + column + ${i}u] = v[${i}]; }`;
  return `fn put(row: u32, column: u32, v: vec4f) {
  ${[0, 1, 2, 3].map(one).join("\n  ")}
}`;
}

/** `fn scalesOf(tileRow, column) -> vec4f`: the scales of four columns; `u.pitch` scales a row of tiles. */
function scalesWgsl(tiling: DequantizeParams["tiling"], words: number): string {
  if (tiling === "bytes" || tiling === "words") {
    const byte = "(codes[first + tile / 4u] >> (tile % 4u * 8u)) & 255u";
    const bits = tiling === "words" ? "codes[first + tile]" : `ue8m0Bits(${byte})`;
    return `${tiling === "bytes" ? UE8M0_DECODE : ""}
fn scalesOf(row: u32, column: u32) -> vec4f {
  let first = row * u.codePitch + u.units * ${words}u;
  let tile = min(column, u.columns - 1u) / ${TILE}u;
  return vec4f(bitcast<f32>(${bits}));
}`;
  }
  if (tiling === "row" || tiling === "block") {
    return `fn scalesOf(tileRow: u32, column: u32) -> vec4f {
  return vec4f(scales[tileRow * u.pitch + min(column / ${TILE}u, u.pitch - 1u)]);
}`;
  }
  const one = (i: number): string => `scales[tileRow * u.pitch + min(column + ${i}u, u.pitch - 1u)]`;
  return `fn scalesOf(tileRow: u32, column: u32) -> vec4f {
  return vec4f(${[0, 1, 2, 3].map(one).join(", ")});
}`;
}

/** The row of tiles that `row` lies in. */
function tileRowText(tiling: DequantizeParams["tiling"]): string {
  if (tiling === "row" || tiling === "bytes" || tiling === "words") return "let tileRow = row;";
  if (tiling === "grouped") {
    return `var e = 0u;
  for (var i = 1u; i < u.E; i++) { if (offsets[i] <= row) { e = i; } }
  // Rows of no expert have no tile: some other's scale is read for what has no meaning.
  let begin = min(offsets[e], row);
  let tileRow = min(begin / ${TILE}u + e + (row - begin) / ${TILE}u, u.matrixRows / ${TILE}u + u.E - 1u);`;
  }
  const tiles = `((u.matrixRows + ${TILE - 1}u) / ${TILE}u)`;
  return `let matrix = row / max(u.matrixRows, 1u);
  let tileRow = matrix * ${tiles} + (row - matrix * u.matrixRows) / ${TILE}u;`;
}
