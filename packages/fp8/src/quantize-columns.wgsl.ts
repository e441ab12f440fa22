/*
 * Quantising to column tiles (128 x 1), from f32 or from the codes of row tiles. Codes stay row-major, so an invocation
 * owns a few columns that fill whole words, walks down the tile's rows twice, and needs no other lane's numbers.
 */
import { type CodeFormat, TILE } from "@ds3/fp8-codec";
import { cachedTemplate, defineKernel, type Kernel } from "@ds3/tensor";
import { CODE_LAYOUTS, codeName, decodeWgsl } from "./codes.wgsl.ts";
import {
  type EncodeParams,
  encodeFourWgsl,
  encodeLabel,
  LARGEST,
  loadWgsl,
  scaleWgsl,
  storeUnit,
  unpackUnit,
} from "./tiles.wgsl.ts";

/** Compile-time choices. */
export interface QuantizeColumnsParams extends EncodeParams {
  /** What x is: f32, or codes of row tiles with their scales. */
  readonly source: CodeFormat | "f32";
  /** Tiles begin anew at the first row of each expert. */
  readonly grouped: boolean;
  /** Invocations side by side along the columns. */
  readonly lanes: number;
  /** Invocations that share a tile's rows; more than 1 needs workgroup memory that is fast. */
  readonly slices: number;
}

/** Columns that an invocation owns: whole words of both formats; eight share the load of a row tile's scale. */
export function columnsPerLane({ source, format }: Pick<QuantizeColumnsParams, "source" | "format">): number {
  return Math.max(source === "f32" ? 4 : 8, CODE_LAYOUTS[format].codes);
}

/**
 * x [rows, columns] f32, or words [rows, sourceWords] with xScales [rows, tiles] -> codes [rows, words], scales
 * [tile rows, columns] as bits. Grid: columns, tile rows. With `grouped` offsets [E + 1]: tile t of expert e is tile row
 * floor(offsets[e] / 128) + e + t; one that belongs to nobody has the scale of zeros, rows of nobody are not written.
 */
export const quantizeColumnsWgsl: (params: QuantizeColumnsParams) => Kernel = cachedTemplate(
  (params: QuantizeColumnsParams) => {
    const { source, format, scales, vectors, grouped, lanes, slices } = params;
    const span = columnsPerLane(params);
    const decodes = source !== "f32";
    const eachRow = (body: string): string => `for (var row = first + slice; row < end; row += ${slices}u) {
    ${body}
  }`;
    const load = loadStatements(params, span);
    return defineKernel({
      label: `fp8 quantize column ${encodeLabel(params)} from ${source}${grouped ? " grouped" : ""} ${lanes}x${slices}`,
      uniforms: {
        ...{ rows: "u32", columns: "u32", words: "u32", floor: "f32" },
        ...(decodes ? { sourceWords: "u32", tiles: "u32" } : {}),
        ...(grouped ? { E: "u32" } : {}),
      },
      reads: {
        x: vectors && !decodes ? "vec4u" : "u32",
        ...(decodes ? { xScales: "u32" } : {}),
        ...(grouped ? { offsets: "u32" } : {}),
      },
      writes: { codes: "u32", scales: "u32" },
      body: `${decodes ? decodeWgsl(source, { finite: true }) : loadWgsl(vectors)}
${decodes ? valuesWgsl(vectors) : ""}
${LARGEST}
${scaleWgsl(format, scales)}
${encodeFourWgsl(params)}
${slices > 1 ? `var<workgroup> maxima: array<vec4u, ${lanes * slices * (span / 4)}>;` : ""}
@compute @workgroup_size(${lanes * slices})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
  let lane = index % ${lanes}u;
  let slice = index / ${lanes}u;
  let quad = (group.x * ${lanes}u + lane) * ${span / 4}u; // its first column / 4
  let tileRow = group.y;
  ${grouped ? GROUPED_ROWS : `let first = tileRow * ${TILE}u; let end = min(first + ${TILE}u, u.rows);`}
  ${quads(span, (i) => `var amax${i} = vec4u();`)}
  ${eachRow(`${load}
    ${quads(span, (i) => `amax${i} = max(amax${i}, v${i} & vec4u(0x7fffffffu));`)}`)}
  ${slices > 1 ? shareMaxima(span, lanes, slices) : ""}
  ${quads(span, (i) => `let scale${i} = vec4u(${["x", "y", "z", "w"].map((c) => `tileScale(amax${i}.${c})`).join(", ")});`)}
  ${quads(span, (i) =>
    [0, 1, 2, 3]
      .map((j) => {
        const column = `4u * quad + ${4 * i + j}u`;
        return `if (slice == 0u && ${column} < u.columns) { scales[tileRow * u.columns + ${column}] = scale${i}[${j}]; }`;
      })
      .join("\n  "),
  )}
  ${eachRow(`${load}
    ${storeStatements(format, span)}`)}
}`,
    });
  },
);

/** Rows [first, end) of tile row `tileRow`: of the last expert whose tiles begin there or before. */
const GROUPED_ROWS = `var e = 0u;
  for (var i = 1u; i < u.E; i++) {
    if (min(offsets[i], u.rows) / ${TILE}u + i <= tileRow) { e = i; }
  }
  let begin = min(offsets[e], u.rows);
  let tilesBefore = begin / ${TILE}u + e;
  let first = select(u.rows, begin + (tileRow - tilesBefore) * ${TILE}u, tileRow >= tilesBefore);
  let end = min(first + ${TILE}u, min(offsets[e + 1u], u.rows));`;

/**
 * `fn values(...) -> vec4u`: the bits of decoded values times their scale. All NaN where the scale is, on bits; 0 beyond the
 * row's end.
 */
function valuesWgsl(vectors: boolean): string {
  const inside = "vec4u(4u * quad) + vec4u(0u, 1u, 2u, 3u) < vec4u(u.columns)";
  return `
fn values(decoded: vec4f, scale: u32, quad: u32) -> vec4u {
  let bits = select(bitcast<vec4u>(decoded * bitcast<f32>(scale)), vec4u(0x7fc00000u), scale >= 0x7f800000u);
  return ${vectors ? "bits" : `select(vec4u(), bits, ${inside})`};
}`;
}

/** Loads v0 (and v1): the bits of an invocation's columns in `row`. */
function loadStatements({ source }: QuantizeColumnsParams, span: number): string {
  if (source === "f32") return quads(span, (i) => `let v${i} = four(row, quad + ${i}u);`);
  const { codes, words } = CODE_LAYOUTS[source];
  const units = Array.from({ length: span / codes }, (_, unit) => {
    const wordAt = (j: number): string => `at + ${unit * words + j}u`;
    const loads = Array.from(
      { length: words },
      (_, j) => `var w${unit}_${j} = 0u;
    if (${wordAt(j)} < u.sourceWords) { w${unit}_${j} = x[row * u.sourceWords + ${wordAt(j)}]; }`,
    );
    const decoded = unpackUnit(source, (j) => `w${unit}_${j}`).map((four, j) => {
      const values = four.map((code) => `decode${codeName(source)}(${code})`).join(", ");
      const i = (unit * codes) / 4 + j;
      return `let v${i} = values(vec4f(${values}), scaleBits, quad + ${i}u);`;
    });
    return [...loads, ...decoded].join("\n    ");
  });
  // Columns of one invocation lie in one row tile; those beyond the end take the last one's scale, for nothing.
  const tile = `min(quad / ${TILE / 4}u, max(u.tiles, 1u) - 1u)`;
  return `let at = quad / ${codes / 4}u * ${words}u;
    let scaleBits = xScales[row * u.tiles + ${tile}];
    ${units.join("\n    ")}`;
}

/** Encodes v0 (and v1) and writes their words. */
function storeStatements(format: CodeFormat, span: number): string {
  const { codes, words } = CODE_LAYOUTS[format];
  const perUnit = codes / 4;
  const units = Array.from({ length: span / codes }, (_, unit) => {
    const encoded = Array.from(
      { length: perUnit },
      (_, j) => `let c${j} = encode4(v${unit * perUnit + j}, amax${unit * perUnit + j}, scale${unit * perUnit + j});`,
    );
    return `{
      ${encoded.join("\n      ")}
      let word = quad / ${perUnit}u * ${words}u + ${unit * words}u;
      if (word < u.words) { ${storeUnit(format, "(row * u.words + word)")} }
    }`;
  });
  return units.join("\n    ");
}

/** Takes the maximum over the slices through workgroup memory. */
function shareMaxima(span: number, lanes: number, slices: number): string {
  const perLane = span / 4;
  return `${quads(span, (i) => `maxima[index * ${perLane}u + ${i}u] = amax${i};`)}
  workgroupBarrier();
  for (var other = 0u; other < ${slices}u; other++) {
    ${quads(span, (i) => `amax${i} = max(amax${i}, maxima[(other * ${lanes}u + lane) * ${perLane}u + ${i}u]);`)}
  }`;
}

function quads(span: number, text: (i: number) => string): string {
  return Array.from({ length: span / 4 }, (_, i) => text(i)).join("\n  ");
}
