import { defineKernel, type Kernel } from "./kernel.ts";

/** Independent chains of a lane: enough that none waits for its last result, few enough for registers. */
const CHAINS = 12;
/** Steps of each chain in the loop's body. */
const STEPS = 4;
/** Multiplications and additions of one invocation in one turn of the loop. */
export const ARITHMETIC_FLOPS: number = 2 * CHAINS * STEPS;

/**
 * Nothing but multiplications and additions of f32 in registers: what the adapter's arithmetic allows. Each workgroup runs
 * `turns` times through chains x = x factor + term and stores one number, so that nothing is left out.
 */
export function arithmeticPeakWgsl(lanes: number): Kernel {
  const chains = Array.from({ length: CHAINS }, (_, i) => i);
  const step = chains.map((i) => `    x${i} = x${i} * factor + term;`).join("\n");
  return defineKernel({
    label: `arithmeticPeak lanes=${lanes}`,
    uniforms: { turns: "u32", factor: "f32", term: "f32" },
    writes: { sums: "f32" },
    body: `
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
${chains.map((i) => `  var x${i} = f32(lane + ${i}u);`).join("\n")}
  let factor = u.factor;
  let term = u.term;
  for (var turn = 0u; turn < u.turns; turn++) {
${Array.from({ length: STEPS }, () => step).join("\n")}
  }
  let sum = ${chains.map((i) => `x${i}`).join(" + ")};
  if (lane == 0u) { sums[group.x] = sum; }
}`,
  });
}
