import { defineKernel, type Kernel } from "./kernel.ts";
import { type RowTeamParams, teamLabel } from "./row-kernel.ts";
import { teamFeatures, teamReductions } from "./target.ts";

/** Parameters of the kernel. */
export interface CrossEntropyParams extends RowTeamParams {
  /** Rows have weights. */
  readonly weighted?: boolean;
}

/** loss[0] = -factor sum_t weights[t] logProbs[t]. One workgroup; the order of the sum is fixed. Subtracting keeps 0 from being -0. */
export function crossEntropyWgsl({ team, weighted = false }: CrossEntropyParams): Kernel {
  const lanes = team.size;
  return defineKernel({
    label: `crossEntropy${weighted ? " weighted" : ""} ${teamLabel({ team })}`,
    uniforms: { T: "u32", factor: "f32" },
    reads: { logProbs: "f32", ...(weighted ? { weights: "f32" } : {}) },
    writes: { loss: "f32" },
    enable: teamFeatures(team),
    body: `${teamReductions(team)}
@compute @workgroup_size(${lanes})
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var t = lane; t < u.T; t += ${lanes}u) { sum -= ${weighted ? "weights[t] * " : ""}logProbs[t]; }
  let total = teamSum(sum, lane);
  if (lane == 0u) { loss[0] = u.factor * total; }
}`,
  });
}
