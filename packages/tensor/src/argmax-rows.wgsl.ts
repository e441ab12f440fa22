import { defineKernel, type Kernel } from "./kernel.ts";
import { type RowTeamParams, rowMain, rowUniforms, teamLabel } from "./row-kernel.ts";
import { teamFeatures, teamReductions } from "./target.ts";

/**
 * indices[t] = the smallest v with the largest logits_tv. logits [T, V], indices [T] u32.
 * The team compares indices as negative f32, which holds integers up to 2^24.
 */
export function argmaxRowsWgsl({ team }: RowTeamParams): Kernel {
  const lanes = team.size;
  return defineKernel({
    label: `argmaxRows ${teamLabel({ team })}`,
    uniforms: { ...rowUniforms, V: "u32" },
    reads: { logits: "f32" },
    writes: { indices: "u32" },
    enable: teamFeatures(team),
    body: `${teamReductions(team)}
${rowMain(
  lanes,
  `let start = row * u.V;
var at = min(lane, u.V - 1u);
var best = logits[start + at];
for (var v = lane + ${lanes}u; v < u.V; v += ${lanes}u) {
  let x = logits[start + v];
  if (x > best) { best = x; at = v; }
}
let top = teamMax(best, lane);
let first = teamMax(select(-16777216.0, -f32(at), best == top), lane);
if (lane == 0u) { indices[row] = u32(-first); }`,
)}`,
  });
}
