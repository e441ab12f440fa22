import { cachedTemplate, defineKernel, dotRowsWgsl, type Kernel, type Team, teamFeatures } from "@ds3/tensor";
import { chooseByRowWgsl } from "./route.wgsl.ts";

/** What fixes the size of private memory. */
export interface DecodeFeedForwardParams {
  readonly team: Team;
  readonly D: number;
  /** Columns of all networks that a token runs through, and of the widest one. */
  readonly hiddenWidth: number;
  readonly widest: number;
  /** Absent for a dense network, which is a shared one without routed ones. */
  readonly router?: { readonly E: number; readonly K: number; readonly nGroup: number };
}

/**
 * A whole feed-forward sublayer of one token, y = x + networks(norm x), a team per token: for software adapters, where a
 * dispatch costs as much as 40 000 products. The router's choice and what passes between products stay in private memory,
 * so no lane waits for another. All weights are read from `weights`, one segment of an arena, from the vectors on that the
 * uniforms name: gain [D], gate [E, D], expertsGateUp [E, 2F, D], expertsDown [E, D, F], sharedGateUp [2 Fs, D],
 * sharedDown [D, Fs]. bias [E]; x, y [T, D]. The shared network is slot K behind the chosen experts.
 */
export const decodeFeedForwardWgsl: (params: DecodeFeedForwardParams) => Kernel = cachedTemplate(
  (params: DecodeFeedForwardParams) => {
    const { team, D, hiddenWidth, widest, router } = params;
    const product = dotRowsWgsl(team, { short: true });
    const { width, dotRows } = product;
    const along = (limit: string, parts: (k: string) => string): string =>
      `for (var k = 0u; k < ${limit}; k += ${width}u) ${parts("k")}`;
    const normed = (i: string): string => `x[start + ${i}] * weights[u.gain + ${i}] * scale`;
    const fromWeights = (i: string): string => `weights[${i}]`;
    const choice = router
      ? chooseByRowWgsl(
          { team, ...router },
          { product, x: normed, weight: fromWeights, row: (r) => `u.gate + ${r} * u.D4` },
        )
      : { declarations: "", choose: "" };
    /** Where a slot's rows begin, in vectors, and how long its hidden row is. */
    const pick = (name: "GateUp" | "Down", vectors: string): string =>
      router
        ? `
    var firstVector = u.shared${name};
    var size = u.Fs;
    if (slot < u.K) {
      firstVector = u.experts${name} + chosen[slot] * ${vectors};
      size = u.F;
    }`
        : `
    let firstVector = u.shared${name};
    let size = u.Fs;`;
    const combineWeight = router
      ? "\n    var weight = 1.0;\n    if (slot < u.K) { weight = combineWeight(slot); }"
      : "\n    let weight = 1.0;";
    return defineKernel({
      label: `decodeFeedForward D=${D} hidden=${hiddenWidth}${router ? ` E=${router.E} K=${router.K} nGroup=${router.nGroup}` : ""} widest=${widest} ${product.teamLabel}`,
      uniforms: {
        ...{ D4: "u32", F: "u32", Fs: "u32", slots: "u32", eps: "f32", gain: "u32" },
        ...{ sharedGateUp: "u32", sharedDown: "u32" },
        ...(router
          ? ({
              ...{ E: "u32", K: "u32", nGroup: "u32", topkGroup: "u32", normalise: "u32", factor: "f32" },
              ...{ gate: "u32", expertsGateUp: "u32", expertsDown: "u32" },
            } as const)
          : {}),
      },
      reads: { x: "vec4f", weights: "vec4f", ...(router ? { bias: "f32" as const } : {}) },
      writes: { y: "f32" },
      enable: teamFeatures(team),
      body: `
${product.declarations}
${choice.declarations}
var<private> hidden: array<f32, ${hiddenWidth}>; // first the gates' sums
var<private> ups: array<f32, ${widest}>;
var<private> sums: array<f32, ${D}>;
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = group.x * u.D4;${product.inverseRms({ name: "scale", x: (i) => `x[start + ${i}]`, length: "u.D4", eps: "u.eps" })}${choice.choose}
  for (var slot = 0u; slot < u.slots; slot++) {${pick("GateUp", "2u * u.F * u.D4")}${combineWeight}
    let goal = slot * u.F;
    for (var r = 0u; r < size; r++) { hidden[goal + r] = 0.0; ups[r] = 0.0; }
    ${along("u.D4", (from) =>
      dotRows({
        x: normed,
        rows: { gate: (r) => `firstVector + ${r} * u.D4`, up: (r) => `firstVector + (size + ${r}) * u.D4` },
        weight: fromWeights,
        ...{ length: "u.D4", from, count: "size" },
        use: "hidden[goal + r] += dot_gate; ups[r] += dot_up;",
      }),
    )}
    for (var r = 0u; r < size; r++) {
      let g = teamSum(hidden[goal + r], lane);
      hidden[goal + r] = weight * g / (1.0 + exp(-g)) * teamSum(ups[r], lane);
    }
  }
  for (var r = 0u; r < 4u * u.D4; r++) { sums[r] = 0.0; }
  for (var slot = 0u; slot < u.slots; slot++) {${pick("Down", "u.D4 * u.F")}
    let source = slot * u.F;
    let length = size / 4u;
    ${along("length", (from) =>
      dotRows({
        x: (i) => product.vectorOf("hidden", `source + 4u * ${i}`),
        rows: { sum: (r) => `firstVector + ${r} * length` },
        weight: fromWeights,
        ...{ length: "length", from, count: "4u * u.D4" },
        use: "sums[r] += dot_sum;",
      }),
    )}
  }
  for (var r = 0u; r < 4u * u.D4; r++) {
    let value = teamSum(sums[r], lane) + x[start + r / 4u][r % 4u];
    if (lane == 0u) { y[4u * start + r] = value; }
  }
}`,
    });
  },
);
