import { defineKernel, type Kernel } from "./kernel.ts";
import { LANE_COLUMNS } from "./norm-loops.ts";

/** Compile-time choices of the column sums. */
export interface SumRowsParams {
  readonly lanes: number;
  /** For each output, whether the sums are added to it. */
  readonly accumulate: readonly boolean[];
}

/**
 * Output p [width_p] (+)= sum over rows of columns [first_p, first_p + width_p) of partial [rows, C], where the outputs'
 * columns lie side by side. One workgroup for `columnsPerGroup` of the C columns; rows are added in order.
 */
export function sumRowsWgsl({ lanes, accumulate }: SumRowsParams): Kernel {
  const columns = Array.from({ length: LANE_COLUMNS }, (_, j) => j);
  const kinds = accumulate.map((adds) => (adds ? "accumulate" : "write")).join(" ");
  return defineKernel({
    label: `sumRows lanes=${lanes} ${kinds}`,
    uniforms: { rows: "u32", C: "u32", ...Object.fromEntries(accumulate.map((_, p) => [`width${p}`, "u32" as const])) },
    reads: { partial: "f32" },
    writes: Object.fromEntries(accumulate.map((_, p) => [`out${p}`, "f32" as const])),
    body: `
fn store(column: u32, sum: f32) {
  var c = column;
${accumulate
  .map((adds, p) => `  if (c < u.width${p}) { out${p}[c] ${adds ? "+=" : "="} sum; return; }\n  c -= u.width${p};`)
  .join("\n")}
}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let column = group.x * ${columnsPerGroup(lanes)}u + lane;
${columns.map((j) => `  let n${j} = min(column + ${j * lanes}u, u.C - 1u);\n  var s${j} = 0.0;`).join("\n")}
  for (var row = 0u; row < u.rows; row++) {
    let start = row * u.C;
${columns.map((j) => `    s${j} += partial[start + n${j}];`).join("\n")}
  }
${columns.map((j) => `  if (column + ${j * lanes}u < u.C) { store(column + ${j * lanes}u, s${j}); }`).join("\n")}
}`,
  });
}

/** Columns per workgroup. */
export function columnsPerGroup(lanes: number): number {
  return lanes * LANE_COLUMNS;
}
