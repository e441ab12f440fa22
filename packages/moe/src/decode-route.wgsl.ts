import { cachedTemplate, defineKernel, dotRowsWgsl, type Kernel, teamFeatures } from "@ds3/tensor";
import { chooseByRowWgsl, type RouteParams } from "./route.wgsl.ts";

/**
 * What comes before the experts of a decoded token, a team per token: the norm, the router's product and its choice.
 * x, normed [T, D], gain [D], gate [E, D], D in vectors: D4; bias [E] -> indices, weights [T, K] as `routeWgsl`.
 */
export const decodeRouteWgsl: (params: RouteParams) => Kernel = cachedTemplate((params: RouteParams) => {
  const { team, E, K, nGroup } = params;
  const lanes = team.size;
  const product = dotRowsWgsl(team);
  const router = chooseByRowWgsl(params, {
    product,
    x: (i) => `x[start + ${i}] * gain[${i}] * scale`,
    weight: (i) => `gate[${i}]`,
    row: (r) => `${r} * u.D4`,
  });
  return defineKernel({
    label: `decodeRoute E=${E} K=${K} nGroup=${nGroup} ${product.teamLabel}`,
    uniforms: {
      ...{ E: "u32", D4: "u32", eps: "f32" },
      ...{ K: "u32", nGroup: "u32", topkGroup: "u32", normalise: "u32", factor: "f32" },
    },
    reads: { x: "vec4f", gain: "vec4f", gate: "vec4f", bias: "f32" },
    writes: { normed: "vec4f", indices: "u32", weights: "f32" },
    enable: teamFeatures(team),
    body: `
${product.declarations}
${router.declarations}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let t = group.x;
  let start = t * u.D4;${product.inverseRms({ name: "scale", x: (i) => `x[start + ${i}]`, length: "u.D4", eps: "u.eps" })}
  for (var i = lane; i < u.D4; i += ${lanes}u) { normed[start + i] = x[start + i] * gain[i] * scale; }${router.choose}
  for (var k = lane; k < u.K; k += ${lanes}u) {
    indices[t * u.K + k] = chosen[k];
    weights[t * u.K + k] = combineWeight(k);
  }
}`,
  });
});
