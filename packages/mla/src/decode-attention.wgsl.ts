import { cachedTemplate, defineKernel, dotRowsWgsl, type Kernel, teamFeatures } from "@ds3/tensor";
import { type DecodeHeadParams, decodeHeadUniforms, decodeHeadWgsl } from "./decode-head.wgsl.ts";

/** `DecodeHeadParams` with what fixes the size of private memory. */
export interface DecodeAttentionParams extends DecodeHeadParams {
  /** Rows of qkvA. */
  readonly downWidth: number;
  /** numAttentionHeads * vHeadDim. */
  readonly headsWidth: number;
}

/**
 * Numbers that a lane keeps in private memory at most. They bound the bytes that a workgroup needs, 32 for each number with
 * 8 lanes: 32 KiB, which should stay in the first cache.
 */
export const MAX_PRIVATE = 1024;

/**
 * A whole attention sublayer of one new token, y = x + o(heads(norm x)), a team per sequence: for software adapters, where
 * a dispatch costs as much as 40 000 products. What passes between its products stays in private memory, the same in
 * every lane, so no lane waits for another. All weights are read from `weights`, one segment of an arena, from the
 * vectors on that the uniforms name. x, y [A, D], D in vectors: D4.
 */
export const decodeAttentionWgsl: (params: DecodeAttentionParams) => Kernel = cachedTemplate(
  (params: DecodeAttentionParams) => {
    const { team, projected, nope, R, C, downWidth, headsWidth } = params;
    const weight =
      (name: string): ((i: string) => string) =>
      (i) =>
        `weights[u.${name} + ${i}]`;
    const { width, dotRows, inverseRms, vectorOf, teamLabel } = dotRowsWgsl(team, { short: true });
    const { declarations, newEntry, storeEntry, head } = decodeHeadWgsl(params, {
      down: (i) => vectorOf("down", `4u * (${i})`),
      latentStart: `${(downWidth - C - R) / 4}u`,
      ...{ qNorm: weight("qNorm"), qB: weight("qB"), kvNorm: weight("kvNorm"), kvB: weight("kvB") },
    });
    return defineKernel({
      label: `decodeAttention${projected ? " projected" : ""} nope=${nope} R=${R} C=${C} down=${downWidth} heads=${headsWidth} ${teamLabel}`,
      uniforms: {
        ...{ N: "u32", D4: "u32", downWidth: "u32", headsWidth4: "u32", eps: "f32" },
        ...decodeHeadUniforms,
        ...{ gain: "u32", qkvA: "u32", qNorm: "u32", qB: "u32", kvNorm: "u32", kvB: "u32", o: "u32" },
      },
      reads: { x: "vec4f", weights: "vec4f", step: "f32" },
      writes: { entries: "vec4f", y: "f32" },
      enable: teamFeatures(team),
      body: `
${declarations}
var<private> down: array<f32, ${downWidth}>;
var<private> heads: array<f32, ${headsWidth}>;
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let a = group.x;
  let start = a * u.D4;${inverseRms({ name: "inputScale", x: (i) => `x[start + ${i}]`, length: "u.D4", eps: "u.eps" })}
  for (var r = 0u; r < u.downWidth; r++) { down[r] = 0.0; }
  for (var k = 0u; k < u.D4; k += ${width}u) ${dotRows({
    x: (i) => `x[start + ${i}] * ${weight("gain")(i)} * inputScale`,
    rows: { down: (r) => `${r} * u.D4` },
    weight: weight("qkvA"),
    ...{ length: "u.D4", from: "k", count: "u.downWidth" },
    use: "down[r] += dot_down;",
  })}
  for (var r = 0u; r < u.downWidth; r++) { down[r] = teamSum(down[r], lane); }
${newEntry}
  {${storeEntry}
  }
  for (var n = 0u; n < u.N; n++) {
${head("heads[n * u.value + i] = element;")}
  }
  for (var k = 0u; k < u.headsWidth4; k += ${width}u) ${dotRows({
    x: (i) => vectorOf("heads", `4u * (${i})`),
    rows: { o: (r) => `${r} * u.headsWidth4` },
    weight: weight("o"),
    ...{ length: "u.headsWidth4", from: "k", count: "4u * u.D4" },
    use: `let part = teamSum(dot_o, lane);
    if (lane == 0u) { y[4u * start + r] = part + select(y[4u * start + r], x[start + r / 4u][r % 4u], k == 0u); }`,
  })}
}`,
    });
  },
);
