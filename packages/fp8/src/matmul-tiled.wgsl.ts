/**
 * FP8 products C = A B (+ C) with scales, for GPUs: blocks of C in registers, decoded codes of A and B in workgroup memory.
 *
 * A workgroup computes tileM x tileN of C. Per step it holds tileK of k, in one of two buffers: while the products of a
 * step are summed, the words of the next are under way to registers, four codes each; they are decoded on the way to the
 * other buffer, one barrier a step. Every 128 of k the sums of an invocation's elements enter its f32 sums times both
 * scales. With `shader-f16` tiles are f16, which holds every e4m3fn exactly (e5m2 has f16's subnormals, which adapters
 * may flush); products of two would overflow it, so they are made and summed in f32.
 *
 * Slots of four codes that lie along k are swizzled: invocations that read the same k of neighbouring rows find them in
 * different banks. Uniforms, bindings and grid are those of the panel kernel; a row chunk may hold several tiles.
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

/** Compile-time parameters of the tiled kernel. */
export interface Fp8TiledParams extends Fp8ProductParams {
  /** Rows and columns of C a workgroup, multiples of 16. */
  readonly tileM: number;
  readonly tileN: number;
  /** k a step: 16 or 32. */
  readonly tileK: number;
  /** Elements in workgroup memory. f16 needs `shader-f16`, and operands that are e4m3fn. */
  readonly staged: "f32" | "f16";
}

/** Rows and columns of C an invocation. */
const OWN = 4;

/** One operand's tile in workgroup memory, in slots of four elements that are neighbours in memory. */
interface Staged {
  readonly name: "A" | "B";
  /** Words of codes lie along k; else along m (A) or n (B). */
  readonly alongK: boolean;
  readonly slots: number;
  /** Slots of one row or column along k, or of all rows or columns of one k. */
  readonly perLine: number;
  /** Rows or columns between those of an invocation, in slots where words lie across k. */
  readonly stride: number;
}

/** Invocations of a workgroup. */
export function fp8TiledLanes({ tileM, tileN }: Pick<Fp8TiledParams, "tileM" | "tileN">): number {
  return (tileM / OWN) * (tileN / OWN);
}

/** Bytes of workgroup memory. */
export function fp8TiledBytes({ tileM, tileN, tileK, staged }: Omit<Fp8TiledParams, keyof Fp8ProductParams>): number {
  return 2 * (tileM + tileN) * tileK * (staged === "f16" ? 2 : 4);
}

/** The tiled kernel. Bindings A, B, scaleA, scaleB, (tiles | offsets), C. Grid: x over columns, y over row chunks, z over experts (k). */
export function fp8MatmulTiledWgsl(params: Fp8TiledParams): Kernel {
  const { layout, grouped, tileM, tileN, tileK, staged } = params;
  const lanes = fp8TiledLanes(params);
  const operands = stagedOf(params);
  const [a, b] = operands;
  const across = tileN / OWN;
  const cells = range(OWN * OWN).map((cell) => ({
    i: Math.floor(cell / OWN),
    j: cell % OWN,
    name: `${Math.floor(cell / OWN)}_${cell % OWN}`,
  }));
  const fetch = (k0: string): string[] => operands.flatMap((operand) => fetchWgsl(operand, lanes, k0));
  const row = (i: number): string => `row0 + ${owned(a, i, "y")}`;
  const column = (j: number): string => `column0 + ${owned(b, j, "x")}`;
  return defineKernel({
    label: `fp8Matmul ${fp8ProductLabel(params)} tiled ${tileM}x${tileN}x${tileK} ${staged}`,
    uniforms: fp8MatmulUniforms,
    reads: fp8ProductReads(grouped),
    writes: { C: "f32" },
    enable: staged === "f16" ? ["f16"] : [],
    body: `
${operands.map(({ name, slots }) => `var<workgroup> tile${name}: array<${slotType(staged)}, ${2 * slots}>; // two buffers`).join("\n")}
${fp8ProductWgsl(params)}
${operands.map((operand) => wordWgsl(operand, params)).join("\n")}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = part(group);
  if (p.rows.x >= p.rows.y || (p.depth == 0u && u.accumulate != 0u && u.round == 0u)) { return; }
  let column0 = group.x * ${tileN}u;
  let x = lane % ${across}u;
  let y = lane / ${across}u;
  for (var row0 = p.rows.x; row0 < p.rows.y; row0 += ${tileM}u) {
${cells.map(({ name }) => `    var c${name} = 0.0;`).join("\n")}
${fetch("0u")
  .map((line) => `    var ${line}`)
  .join("\n")}
    var buffer = 0u;
    for (var k0 = 0u; k0 < p.depth; k0 += ${TILE}u) {
${cells.map(({ name }) => `      var s${name} = 0.0;`).join("\n")}
      let end = min(k0 + ${TILE}u, p.depth);
      for (var k = k0; k < end; k += ${tileK}u) {
${operands.flatMap((operand) => storeWgsl(operand, lanes, params)).join("\n")}
        workgroupBarrier();
        if (k + ${tileK}u < p.depth) {
${fetch(`k + ${tileK}u`)
  .map((line) => `          ${line}`)
  .join("\n")}
        }
        for (var q = 0u; q < ${tileK / 4}u; q++) {
${[...readWgsl(a, "y", staged), ...readWgsl(b, "x", staged)].map((line) => `          ${line}`).join("\n")}
${cells.map(({ i, j, name }) => `          s${name} = ${products(a, i, b, j, `s${name}`)};`).join("\n")}
        }
        buffer = 1u - buffer;
      }
      let tile = k0 / ${TILE}u;
${range(OWN)
  .map((i) => `      let scaleA${i} = scaleA[${scaleIndexA(layout, `(${row(i)})`, "tile")}];`)
  .join("\n")}
${range(OWN)
  .map((j) => `      let scaleB${j} = scaleB[${scaleIndexB(layout, `(${column(j)})`, "tile")}];`)
  .join("\n")}
${cells.map(({ i, j, name }) => `      c${name} += s${name} * (scaleA${i} * scaleB${j});`).join("\n")}
    }
${cells.map(({ i, j, name }) => `    store(p, ${row(i)}, ${column(j)}, c${name});`).join("\n")}
    workgroupBarrier(); // the next rows fill the buffer that may still be read
  }
}
fn store(p: Part, m: u32, n: u32, sum: f32) {
  if (m >= p.rows.y || n >= u.N) { return; }
  let i = p.c + m * u.N + n;
  var value = sum;
  if (u.accumulate != 0u) { value += C[i]; }
  if (u.round != 0u) { value = toBf16(value); }
  C[i] = value;
}`,
  });
}

function stagedOf({ layout, tileM, tileN, tileK }: Fp8TiledParams): readonly [Staged, Staged] {
  const operand = (name: "A" | "B", alongK: boolean, extent: number): Staged => {
    const [slots, perLine] = [(extent * tileK) / 4, (alongK ? tileK : extent) / 4];
    return { name, alongK, slots, perLine, stride: alongK ? extent / OWN : 0 };
  };
  return [operand("A", layout !== "tn", tileM), operand("B", layout === "nt", tileN)];
}

function slotType(staged: "f32" | "f16"): string {
  return staged === "f16" ? "vec4<f16>" : "vec4f";
}

/** WGSL `word<name>(p, line, k)`: four codes from there on along memory, zeros outside of the product. */
function wordWgsl({ name, alongK }: Staged, { layout }: Fp8TiledParams): string {
  const [base, pitch] = name === "A" ? ["p.a", "u.lda"] : ["p.b", "u.ldb"];
  const lines = name === "B" ? "u.N" : layout === "tn" ? "u.M" : "p.rows.y";
  const index = alongK ? `line * ${pitch} + k / 4u` : `k * ${pitch} + line / 4u`;
  return `fn word${name}(p: Part, line: u32, k: u32) -> u32 {
  return select(0u, ${name}[${base} + ${index}], line < ${lines} && k < p.depth);
}`;
}

/** Numbers of the slots that an invocation fills; where the lanes do not divide them, the last may be none. */
function slotNumbers({ slots }: Staged, lanes: number): string[] {
  return range(Math.ceil(slots / lanes)).map((i) => `(lane + ${i * lanes}u)`);
}

/** WGSL `nextA0 = wordA(...);` for each word that an invocation copies of the step at `k0`. */
function fetchWgsl(operand: Staged, lanes: number, k0: string): string[] {
  const { name, alongK, perLine } = operand;
  const first = name === "A" ? "row0" : "column0";
  return slotNumbers(operand, lanes).map((slot, i) => {
    const [outer, inner] = [`${slot} / ${perLine}u`, `${slot} % ${perLine}u * 4u`];
    const [line, k] = alongK ? [outer, inner] : [inner, outer];
    return `next${name}${i} = word${name}(p, ${first} + ${line}, ${k0} + ${k});`;
  });
}

/** Words, decoded, from registers to the current buffer. */
function storeWgsl(operand: Staged, lanes: number, params: Fp8TiledParams): string[] {
  const { name, alongK, slots, perLine } = operand;
  const format = name === "A" ? params.formatA : params.formatB;
  return slotNumbers(operand, lanes).map((slot, i) => {
    const codes = range(4).map((byte) => decoded(format, `next${name}${i}`, byte));
    const place = alongK ? swizzled(`${slot} / ${perLine}u`, `${slot} % ${perLine}u`, operand, params.staged) : slot;
    const value = `vec4f(${codes.join(", ")})`;
    const store = `tile${name}[buffer * ${slots}u + ${place}] = ${params.staged === "f16" ? `vec4<f16>(${value})` : value};`;
    return (i + 1) * lanes <= slots ? `        ${store}` : `        if (${slot} < ${slots}u) { ${store} }`;
  });
}

/** Where slot `slot` of a row or column lies: as many neighbours as fill all banks are turned alike. */
function swizzled(line: string, slot: string, { perLine }: Staged, staged: "f32" | "f16"): string {
  const slotsOfBanks = staged === "f16" ? 16 : 8;
  const shift = Math.max(0, Math.log2(slotsOfBanks / perLine));
  return `(${line}) * ${perLine}u + ((${slot}) ^ (((${line}) >> ${shift}u) & ${perLine - 1}u))`;
}

/** Slots of four k for the rows or columns of an invocation: `a<row>` along k, else `a<k>` with four rows. */
function readWgsl(operand: Staged, lane: string, staged: "f32" | "f16"): string[] {
  const { name, alongK, slots, perLine, stride } = operand;
  const read = (place: string): string => `vec4f(tile${name}[buffer * ${slots}u + ${place}])`;
  return range(4).map((i) => {
    const place = alongK
      ? swizzled(`${lane} + ${i * stride}u`, "q", operand, staged)
      : `(q * 4u + ${i}u) * ${perLine}u + ${lane}`;
    return `let ${name.toLowerCase()}${i} = ${read(place)};`;
  });
}

/** Row or column number `i` of an invocation, within the tile. */
function owned({ alongK, stride }: Staged, i: number, lane: string): string {
  return alongK ? `${lane} + ${i * stride}u` : `${lane} * 4u + ${i}u`;
}

/** The sum with four products more. */
function products(a: Staged, i: number, b: Staged, j: number, sum: string): string {
  return range(4).reduce((sofar, k) => `fma(${element(a, i, k)}, ${element(b, j, k)}, ${sofar})`, sum);
}

function element({ name, alongK }: Staged, line: number, k: number): string {
  const [slot, lane] = alongK ? [line, k] : [k, line];
  return `${name.toLowerCase()}${slot}.${"xyzw"[lane]}`;
}

function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
