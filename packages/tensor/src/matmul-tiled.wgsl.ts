/**
 * Matrix products C = alpha A B (+ C) for GPUs: blocks of C in registers, blocks of A and B in workgroup memory.
 *
 * A workgroup computes tileM x tileN of C. Per step it holds tileK of k, in one of two buffers: while the products of a
 * step are summed from one, the loads of the next are under way to registers, and go to the other; one barrier a step.
 * An invocation owns rowsPerLane x columnsPerLane of C and reads, per four k, one slot of four elements a row and a
 * column of these (see `matmul-staging.ts`); its rows and columns lie strided over the tile, so that neighbouring
 * invocations read neighbouring slots, or the same one.
 *
 * Uniforms, bindings and grid are those of the panel kernel; a row chunk may hold several tiles. alpha multiplies the
 * sums. Outside [0, K) both operands are zero, never just one: what lies beside a row may be NaN.
 */
import { defineKernel, type Kernel } from "./kernel.ts";
import { matmulUniforms, partWgsl, productLabel, productReads, STORE_WGSL } from "./matmul-operands.ts";
import {
  fetches,
  type StagedOperand,
  type StagingParams,
  slotNumbers,
  slotWgsl,
  stagedOperands,
  swizzleShift,
} from "./matmul-staging.ts";

/** Compile-time parameters of the tiled kernel. */
export interface TiledParams extends StagingParams {
  /** Rows and columns of C an invocation; multiples of 4. */
  readonly rowsPerLane: number;
  readonly columnsPerLane: number;
}

/** Invocations of a workgroup. */
export function tiledLanes({ tileM, tileN, rowsPerLane, columnsPerLane }: TiledParams): number {
  return (tileM / rowsPerLane) * (tileN / columnsPerLane);
}

/** Bytes of workgroup memory. */
export function tiledBytes({ tileM, tileN, tileK, staged = "f32" }: TiledParams): number {
  return 2 * (tileM + tileN) * tileK * (staged === "f16" ? 2 : 4);
}

/** The tiled kernel. Bindings A, B, (tiles | offsets), C. Grid: x over columns, y over row chunks, z over the batch. */
export function matmulTiledWgsl(params: TiledParams): Kernel {
  const { grouped = "none", tileM, tileN, tileK, vector, staged = "f32" } = params;
  const { rowsPerLane, columnsPerLane } = params;
  const lanes = tiledLanes(params);
  const across = tileN / columnsPerLane;
  const [a, b] = stagedOperands(params);
  const element = staged === "f16" ? "vec4<f16>" : "vec4f";
  const cells = range(rowsPerLane).flatMap((i) => range(columnsPerLane).map((j) => ({ i, j, sum: `s${i}_${j}` })));
  const row = (i: number): string => owned(a, i, "y", tileM / rowsPerLane);
  const column = (j: number): string => owned(b, j, "x", across);
  return defineKernel({
    label: `matmul ${productLabel(params)} tiled ${tileM}x${tileN}x${tileK} ${rowsPerLane}x${columnsPerLane}${
      vector ? " vector" : ""
    }${staged === "f16" ? " f16 tiles" : ""}`,
    uniforms: matmulUniforms,
    reads: productReads(params, vector),
    writes: { C: "f32" },
    enable: staged === "f16" ? ["f16"] : [],
    body: `
var<workgroup> tileA: array<${element}, ${2 * a.slots}>; // two buffers
var<workgroup> tileB: array<${element}, ${2 * b.slots}>;
${partWgsl(grouped)}
${slotWgsl(params)}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = part(group);
  if (p.rows.x >= p.rows.y || (p.depth == 0u && u.accumulate != 0u)) { return; }
  let column0 = group.x * ${tileN}u;
  let x = lane % ${across}u;
  let y = lane / ${across}u;
  for (var row0 = p.rows.x; row0 < p.rows.y; row0 += ${tileM}u) {
${cells.map(({ sum }) => `    var ${sum} = 0.0;`).join("\n")}
${fetches([a, b], lanes, "0u")
  .map((fetch) => `    var ${fetch}`)
  .join("\n")}
    var buffer = 0u;
    for (var k0 = 0u; k0 < p.depth; k0 += ${tileK}u) {
${[a, b].flatMap((operand) => stores(operand, lanes, staged)).join("\n")}
      workgroupBarrier();
      let k1 = k0 + ${tileK}u;
      if (k1 < p.depth) {
${fetches([a, b], lanes, "k1")
  .map((fetch) => `        ${fetch}`)
  .join("\n")}
      }
      for (var q = 0u; q < ${tileK / 4}u; q++) {
${[...reads(a, rowsPerLane, "y", tileM / rowsPerLane, staged), ...reads(b, columnsPerLane, "x", across, staged)].join("\n")}
${cells.map(({ i, j, sum }) => `        ${sum} = ${products(a, i, b, j, sum)};`).join("\n")}
      }
      buffer = 1u - buffer;
    }
${cells.map(({ i, j, sum }) => `    store(p, row0 + ${row(i)}, column0 + ${column(j)}, ${sum});`).join("\n")}
    workgroupBarrier(); // the next rows fill the buffer that may still be read
  }
}
${STORE_WGSL}`,
  });
}

/** Registers to the current buffer. The last slots of a tile that the lanes do not divide have an owner less. */
function stores(operand: StagedOperand, lanes: number, staged: "f32" | "f16"): string[] {
  const { name, slots } = operand;
  return slotNumbers(operand, lanes).map((slot, i) => {
    const store = `tile${name}[buffer * ${slots}u + ${address(operand, slot, staged)}] = next${name}${i};`;
    return (i + 1) * lanes <= slots ? `      ${store}` : `      if (${slot} < ${slots}u) { ${store} }`;
  });
}

/** Where a slot lies in its buffer. */
function address({ alongK, slotsPerLine }: StagedOperand, slot: string, staged: "f32" | "f16"): string {
  if (!alongK) return slot;
  const line = `(${slot} / ${slotsPerLine}u)`;
  return `(${line} * ${slotsPerLine}u + ${swizzled(line, `${slot} % ${slotsPerLine}u`, slotsPerLine, staged)})`;
}

function swizzled(line: string, slot: string, slotsPerLine: number, staged: "f32" | "f16"): string {
  return `((${slot}) ^ ((${line} >> ${swizzleShift(slotsPerLine, staged)}u) & ${slotsPerLine - 1}u))`;
}

/** Slots of four k for the rows or columns of an invocation: `a<row>` along k, else `a<k>_<four rows>`. */
function reads(operand: StagedOperand, count: number, lane: string, stride: number, staged: "f32" | "f16"): string[] {
  const { name, alongK, slots, slotsPerLine } = operand;
  const variable = name.toLowerCase();
  const read = (place: string): string => {
    const slot = `tile${name}[buffer * ${slots}u + ${place}]`;
    return staged === "f16" ? `vec4f(${slot})` : slot;
  };
  if (alongK) {
    return range(count).map((i) => {
      const line = `(${lane} + ${i * stride}u)`;
      const place = `${line} * ${slotsPerLine}u + ${swizzled(line, "q", slotsPerLine, staged)}`;
      return `        let ${variable}${i} = ${read(place)};`;
    });
  }
  return range(4).flatMap((k) =>
    range(count / 4).map((i) => {
      const place = `(q * 4u + ${k}u) * ${slotsPerLine}u + ${lane} + ${i * stride}u`;
      return `        let ${variable}${k}_${i} = ${read(place)};`;
    }),
  );
}

/** Row or column number `i` of an invocation, within the tile. */
function owned({ alongK }: StagedOperand, i: number, lane: string, stride: number): string {
  return alongK ? `${lane} + ${i * stride}u` : `(${lane} + ${Math.floor(i / 4) * stride}u) * 4u + ${i % 4}u`;
}

/** The sum with four products more. */
function products(a: StagedOperand, i: number, b: StagedOperand, j: number, sum: string): string {
  return range(4).reduce((sofar, k) => `fma(${part(a, i, k)}, ${part(b, j, k)}, ${sofar})`, sum);
}

function part({ name, alongK }: StagedOperand, i: number, k: number): string {
  const variable = name.toLowerCase();
  return alongK ? `${variable}${i}.${"xyzw"[k]}` : `${variable}${k}_${Math.floor(i / 4)}.${"xyzw"[i % 4]}`;
}

function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
