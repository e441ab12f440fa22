import { cachedTemplate, defineKernel, dotRowsWgsl, type Kernel, teamFeatures } from "@ds3/tensor";
import { chooseExpertsWgsl, type RouteParams } from "./route.wgsl.ts";

/**
 * What comes before the experts of a decoded token, a team per token: the norm, the router's product and its choice.
 * x, normed [T, D], gain [D], gate [E, D], D in vectors: D4; bias [E] -> indices, weights [T, K] as `routeWgsl`. Loops over
 * experts end at a uniform: a driver unrolls short loops of known length, the product in them included.
 */
export const decodeRouteWgsl: (params: RouteParams) => Kernel = cachedTemplate((params: RouteParams) => {
  const { team, E, K, nGroup } = params;
  const lanes = team.size;
  const { width, declarations, dotRows } = dotRowsWgsl(team);
  return defineKernel({
    label: `decodeRoute E=${E} K=${K} nGroup=${nGroup} lanes=${lanes}${team.subgroup ? " subgroup" : ""}`,
    uniforms: {
      ...{ E: "u32", D4: "u32", eps: "f32" },
      ...{ K: "u32", nGroup: "u32", topkGroup: "u32", normalise: "u32", factor: "f32" },
    },
    reads: { x: "vec4f", gain: "vec4f", gate: "vec4f", bias: "f32" },
    writes: { normed: "vec4f", indices: "u32", weights: "f32" },
    enable: teamFeatures(team),
    body: `
${declarations}
${chooseExpertsWgsl(params)}
var<private> logits: array<f32, ${E}>;
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let t = group.x;
  let start = t * u.D4;
  var squares = 0.0;
  for (var i = lane; i < u.D4; i += ${lanes}u) { let v = x[start + i]; squares += dot(v, v); }
  let scale = inverseSqrt(teamSum(squares, lane) / f32(4u * u.D4) + u.eps);
  for (var i = lane; i < u.D4; i += ${lanes}u) { normed[start + i] = x[start + i] * gain[i] * scale; }
  for (var e = 0u; e < u.E; e++) { logits[e] = 0.0; }
  for (var k = 0u; k < u.D4; k += ${width}u) ${dotRows({
    x: (i) => `x[start + ${i}] * gain[${i}] * scale`,
    rows: { logit: (r) => `${r} * u.D4` },
    weight: (i) => `gate[${i}]`,
    ...{ length: "u.D4", from: "k", count: "u.E" },
    use: "logits[r] += dot_logit;",
  })}
  for (var e = 0u; e < u.E; e++) {
    let logit = teamSum(logits[e], lane);
    if (e % ${lanes}u == lane) { setAffinity(e, sigmoid(logit), bias[e]); }
  }
  chooseExperts(lane);
  for (var k = lane; k < u.K; k += ${lanes}u) {
    indices[t * u.K + k] = chosen[k];
    weights[t * u.K + k] = combineWeight(k);
  }
}`,
  });
});
