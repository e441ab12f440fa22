import {
  cachedTemplate,
  defineKernel,
  FLAT_INDEX,
  type Kernel,
  type Team,
  teamFeatures,
  teamReductions,
} from "@ds3/tensor";

/** Compile-time choices of the row kernels. D in the uniforms counts elements of the buffers: floats, or vectors of four. */
export interface RowParams {
  readonly team: Team;
  /** Rows are read as vec4f: D is a multiple of 4. */
  readonly vectors: boolean;
  /** Rows per token: where they start is kept in private memory. */
  readonly K: number;
}

/**
 * sums [T, D] = residual [T, D] (flag 4) + base [T, D] (flag 1) + sum_k weight[t, k] (flag 2, else 1) rows[position[t, k]];
 * or += with `accumulate`.
 */
export const sumRowsWgsl: (params: RowParams) => Kernel = cachedTemplate(({ team, vectors, K }: RowParams) =>
  defineKernel({
    label: `moe sum rows K=${K} ${element(vectors)} lanes=${team.size}`,
    uniforms: { T: "u32", K: "u32", D: "u32", given: "u32", accumulate: "u32" },
    reads: {
      rows: element(vectors),
      position: "u32",
      weights: "f32",
      base: element(vectors),
      residual: element(vectors),
    },
    writes: { sums: element(vectors) },
    body: `
${FLAT_INDEX}
var<private> first: array<u32, ${K}>;
var<private> scale: array<f32, ${K}>;
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let t = flatGroup(group, groups);
  if (t >= u.T) { return; }
  for (var k = 0u; k < u.K; k++) {
    first[k] = position[t * u.K + k] * u.D;
    scale[k] = 1.0;
    if ((u.given & 2u) != 0u) { scale[k] = weights[t * u.K + k]; }
  }
  for (var d = lane; d < u.D; d += ${team.size}u) {
    var sum = ${vectors ? "vec4f()" : "0.0"};
    for (var k = 0u; k < u.K; k++) { sum += scale[k] * rows[first[k] + d]; }
    if ((u.given & 1u) != 0u) { sum += base[t * u.D + d]; }
    if ((u.given & 4u) != 0u) { sum += residual[t * u.D + d]; }
    if (u.accumulate == 1u) { sum += sums[t * u.D + d]; }
    sums[t * u.D + d] = sum;
  }
}`,
  }),
);

/**
 * Backward of combine, one team per token: gradRows[position[t, k]] = weight dy[t], gradWeights[t, k] = rows . dy[t].
 * Bits of `accumulate`: 1 adds to gradRows, 2 to gradWeights.
 */
export const combineBackwardWgsl: (params: Omit<RowParams, "K">) => Kernel = cachedTemplate(
  ({ team, vectors }: Omit<RowParams, "K">) =>
    defineKernel({
      label: `moe combine backward ${element(vectors)} lanes=${team.size}${team.subgroup ? " subgroup" : ""}`,
      uniforms: { T: "u32", K: "u32", D: "u32", accumulate: "u32" },
      reads: { rows: element(vectors), position: "u32", weights: "f32", gradSums: element(vectors) },
      writes: { gradRows: element(vectors), gradWeights: "f32" },
      enable: teamFeatures(team),
      body: `
${FLAT_INDEX}
${teamReductions(team)}
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let t = flatGroup(group, groups);
  if (t >= u.T) { return; }
  for (var slot = t * u.K; slot < (t + 1u) * u.K; slot++) {
    let first = position[slot] * u.D;
    let weight = weights[slot];
    var products = ${vectors ? "vec4f()" : "0.0"};
    for (var d = lane; d < u.D; d += ${team.size}u) {
      let gradient = gradSums[t * u.D + d];
      products += rows[first + d] * gradient;
      var gradRow = weight * gradient;
      if ((u.accumulate & 1u) != 0u) { gradRow += gradRows[first + d]; }
      gradRows[first + d] = gradRow;
    }
    let total = teamSum(${vectors ? "(products.x + products.y) + (products.z + products.w)" : "products"}, lane);
    if (lane == 0u) { gradWeights[slot] = total + select(0.0, gradWeights[slot], (u.accumulate & 2u) != 0u); }
  }
}`,
    }),
);

/** WGSL element of a row buffer. */
export function element(vectors: boolean): "vec4f" | "f32" {
  return vectors ? "vec4f" : "f32";
}
