/**
 * Products with one row, the decode step: c [N] = alpha a [K] B (+ c), batched. They read every element of B once and
 * use it once, so nothing is kept: the panel kernel would spend its time copying.
 *
 * nt (B [N, K]): a team of lanes shares the k of 8 columns at a time, one reduction each at the end. `fusedMatvec` is the
 * same product in vectors of four with a norm, swiglu or residual around it; this one stays for what that lacks: any K,
 * alpha, accumulation and batches.
 * nn (B [K, N]): a lane owns whole columns.
 */
import { defineKernel, type Kernel } from "./kernel.ts";
import { matmulUniforms } from "./matmul-operands.ts";
import { type Team, teamFeatures, teamReductions } from "./target.ts";

/** Columns per workgroup of the nt kernel. */
export const MATVEC_NT_COLUMNS = 8;

/** Layout nt. Bindings A, B, C; uniforms of matmul with M = 1. Grid: x, then y, over 8 columns each; z over the batch. */
export function matvecNtWgsl(team: Team): Kernel {
  const columns = range(MATVEC_NT_COLUMNS);
  return defineKernel({
    label: `matvec nt lanes=${team.size} ${team.subgroup ? "subgroup" : "workgroup"}`,
    uniforms: matmulUniforms,
    reads: { A: "f32", B: "f32" },
    writes: { C: "f32" },
    enable: teamFeatures(team),
    body: `
${teamReductions(team)}
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) grid: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let n = (group.x + group.y * grid.x) * ${MATVEC_NT_COLUMNS}u;
  if (n >= u.N) { return; }
  let a = group.z * u.strideA;
  let b = group.z * u.strideB;
${columns.map((j) => `  let b${j} = b + min(n + ${j}u, u.N - 1u) * u.ldb;\n  var s${j} = 0.0;`).join("\n")}
  for (var k = lane; k < u.K; k += ${team.size}u) {
    let x = A[a + k];
${columns.map((j) => `    s${j} += x * B[b${j} + k];`).join("\n")}
  }
${columns.map((j) => `  let c${j} = teamSum(s${j}, lane);`).join("\n")}
  if (lane == 0u) {
${columns.map((j) => `    ${store(`n + ${j}u`, `c${j}`)}`).join("\n")}
  }
}`,
  });
}

/** Layout nn. As `matvecNtWgsl`, with `lanes` invocations of `columnsPerLane` columns each, interleaved. */
export function matvecNnWgsl(lanes: number, columnsPerLane: number): Kernel {
  const columns = range(columnsPerLane);
  return defineKernel({
    label: `matvec nn lanes=${lanes} columns=${columnsPerLane}`,
    uniforms: matmulUniforms,
    reads: { A: "f32", B: "f32" },
    writes: { C: "f32" },
    body: `
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) grid: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let n = (group.x + group.y * grid.x) * ${lanes * columnsPerLane}u + lane;
  if (n >= u.N) { return; }
  let a = group.z * u.strideA;
  let b = group.z * u.strideB;
${columns.map((j) => `  let n${j} = min(n + ${j * lanes}u, u.N - 1u);\n  var s${j} = 0.0;`).join("\n")}
  for (var k = 0u; k < u.K; k++) {
    let x = A[a + k];
    let row = b + k * u.ldb;
${columns.map((j) => `    s${j} += x * B[row + n${j}];`).join("\n")}
  }
${columns.map((j) => `  ${store(`n + ${j * lanes}u`, `s${j}`)}`).join("\n")}
}`,
  });
}

function store(n: string, sum: string): string {
  const c = `C[group.z * u.strideC + ${n}]`;
  return `if (${n} < u.N) { if (u.accumulate != 0u) { ${c} += u.alpha * ${sum}; } else { ${c} = u.alpha * ${sum}; } }`;
}

function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
