import { type FlashTile, repeat, vectors } from "./flash-attention-tile.ts";
import { defineKernel, type Kernel, type KernelSource } from "./kernel.ts";

/** Compile-time parameters of the kernels for software adapters. */
export interface FlashSoftwareParams extends FlashTile {
  /** With a `documentStart` operand. */
  readonly documents: boolean;
}

/**
 * A kernel for software adapters: `rows` rows of one (batch entry, head) pair a workgroup, blocks of rows along x,
 * pairs folded over y and z. The body finds itself in `main`, behind `declarations`, with the offsets of the pair's
 * first row in every operand.
 */
export function flashSoftwareKernel(
  op: string,
  params: FlashSoftwareParams,
  source: Pick<KernelSource, "reads" | "writes" | "body"> & { readonly declarations: string },
): Kernel {
  const { lanes, perLane, headDimQk, headDimV, documents } = params;
  return defineKernel({
    label: `${op} lanes=${lanes} perLane=${perLane} qk=${headDimQk} v=${headDimV}${documents ? " documents" : ""}`,
    enable: ["subgroups"],
    uniforms: {
      B: "u32",
      T: "u32",
      S: "u32",
      N: "u32",
      Dqk: "u32",
      Dv: "u32",
      rows: "u32",
      keyOffset: "u32",
      scale: "f32",
    },
    reads: { q: "f32", k: "f32", v: "f32", ...source.reads, ...(documents ? { documentStart: "u32" as const } : {}) },
    writes: source.writes,
    body: `${source.declarations}
const LOG2E = 1.4426950408889634;
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_id) local: vec3u) {
let lane = local.x;
let pair = group.y + group.z * groups.y;
if (pair >= u.B * u.N) { return; }
let b = pair / u.N;
let n = pair % u.N;
let strideQk = u.N * u.Dqk;
let strideV = u.N * u.Dv;
let qBase = b * u.T * strideQk + n * u.Dqk;
let kBase = b * u.S * strideQk + n * u.Dqk;
let vBase = b * u.S * strideV + n * u.Dv;
let outBase = b * u.T * strideV + n * u.Dv;
let scale2 = u.scale * LOG2E;
${source.body}
}`,
  });
}

/** WGSL: index of the first key that the query at `t` may see. Uniform, as the operand is read-only. */
export function firstKey({ documents }: FlashSoftwareParams, t: string): string {
  return documents ? `documentStart[b * u.T + ${t}]` : "0u";
}

/** Stores `name0..` as a row of `size` elements that starts at `base`. */
export function storeRow(tile: FlashTile, name: string, buffer: string, base: string, size: number): string {
  return repeat(vectors(tile, size), (c) => {
    const surplus = (c + 1) * tile.lanes > size;
    const store = `${buffer}[${base} + ${c * tile.lanes}u + lane] = ${name}${c};`;
    return surplus ? `if (lane < ${size - c * tile.lanes}u) { ${store} }` : store;
  });
}

/** Declares accumulators `name0..` as zero, then reads them back when an older tile has added to the row. */
export function resumeRow(
  tile: FlashTile,
  rows: readonly { name: string; buffer: string; base: string; size: number }[],
  resumed: string,
): string {
  const each = (line: (row: (typeof rows)[number], c: number) => string): string =>
    rows.map((row) => repeat(vectors(tile, row.size), (c) => line(row, c))).join("\n");
  return `${each(({ name }, c) => `var ${name}${c} = 0.0;`)}
if (${resumed}) {
${each(({ name, buffer, base }, c) => `${name}${c} = ${buffer}[${base} + ${c * tile.lanes}u + lane];`)}
}`;
}
