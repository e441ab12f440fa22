import { cachedTemplate, defineKernel, dotRowsWgsl, type Kernel, type Team, teamFeatures } from "@ds3/tensor";

/** Whether there are shared experts beside the routed ones. */
export interface DecodeExpertsParams {
  readonly team: Team;
  readonly shared: boolean;
}

/**
 * The first half of the experts of decoded tokens: hidden = silu(gate x) * (up x) of each chosen expert and of the
 * shared ones, a workgroup for some columns of one of them. x [T, D], expertsGateUp [E, 2F, D], sharedGateUp [2 Fs, D],
 * indices [T, K] -> hidden [T, K F + Fs]. Sizes in vectors end in 4.
 */
export const decodeGateUpWgsl: (params: DecodeExpertsParams) => Kernel = cachedTemplate(({ team, shared }) => {
  const { width, maxRows, declarations, dotRows, teamLabel } = dotRowsWgsl(team);
  const products = (weight: string, firstRow: string, F: string): string =>
    dotRows({
      x: (i) => `x[t * u.D4 + ${i}]`,
      rows: {
        gate: (r) => `(${firstRow} + first + ${r}) * u.D4`,
        up: (r) => `(${firstRow} + ${F} + first + ${r}) * u.D4`,
      },
      weight: (i) => `${weight}[${i}]`,
      ...{ length: "u.D4", from: "k", count: "count" },
      use: "gates[r] += dot_gate; ups[r] += dot_up;",
    });
  const along = (body: string): string => `for (var k = 0u; k < u.D4; k += ${width}u) ${body}`;
  return defineKernel({
    label: `decodeGateUp${shared ? " shared" : ""} ${teamLabel}`,
    uniforms: { D4: "u32", K: "u32", F: "u32", Fs: "u32", rowsPerGroup: "u32", groupsEach: "u32" },
    reads: {
      ...{ x: "vec4f" as const, indices: "u32" as const, expertsGateUp: "vec4f" as const },
      ...(shared ? { sharedGateUp: "vec4f" as const } : {}),
    },
    writes: { hidden: "f32" },
    enable: teamFeatures(team),
    body: `
${declarations}
var<private> gates: array<f32, ${maxRows}>;
var<private> ups: array<f32, ${maxRows}>;
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let t = group.y;
  let slot = min(group.x / u.groupsEach, u.K); // K: the shared experts
  let size = select(u.F, u.Fs, slot == u.K);
  let first = (group.x - slot * u.groupsEach) * u.rowsPerGroup;
  if (first >= size) { return; }
  let count = min(u.rowsPerGroup, size - first);
  for (var r = 0u; r < count; r++) { gates[r] = 0.0; ups[r] = 0.0; }
  if (slot < u.K) {
    let expertRow = indices[t * u.K + slot] * 2u * u.F;
    ${along(products("expertsGateUp", "expertRow", "u.F"))}
  }${shared ? ` else {\n    ${along(products("sharedGateUp", "0u", "u.Fs"))}\n  }` : ""}
  let goal = t * (u.K * u.F + u.Fs) + slot * u.F + first;
  for (var r = 0u; r < count; r++) {
    let g = teamSum(gates[r], lane);
    let value = g / (1.0 + exp(-g)) * teamSum(ups[r], lane);
    if (lane == 0u) { hidden[goal + r] = value; }
  }
}`,
  });
});

/**
 * The second half: y = residual + sum_k weights_k down_k hidden_k + sharedDown hidden_shared, a workgroup for some of the
 * D columns of one token. hidden [T, K F + Fs], expertsDown [E, D, F], sharedDown [D, Fs], indices, weights [T, K],
 * residual, y [T, D]. Sizes in vectors end in 4.
 */
export const decodeDownWgsl: (params: DecodeExpertsParams) => Kernel = cachedTemplate(({ team, shared }) => {
  const { width, maxRows, declarations, dotRows, teamLabel } = dotRowsWgsl(team);
  const products = (weight: string, source: string, factor: string, firstRow: string, F4: string): string =>
    `for (var k = 0u; k < ${F4}; k += ${width}u) ${dotRows({
      x: (i) => `hidden[${source} + ${i}]${factor}`,
      rows: { sum: (r) => `(${firstRow} + first + ${r}) * ${F4}` },
      weight: (i) => `${weight}[${i}]`,
      ...{ length: F4, from: "k", count: "count" },
      use: "sums[r] += dot_sum;",
    })}`;
  return defineKernel({
    label: `decodeDown${shared ? " shared" : ""} ${teamLabel}`,
    uniforms: { D: "u32", K: "u32", F4: "u32", Fs4: "u32", rowsPerGroup: "u32" },
    reads: {
      ...{ hidden: "vec4f" as const, indices: "u32" as const, weights: "f32" as const, expertsDown: "vec4f" as const },
      ...(shared ? { sharedDown: "vec4f" as const } : {}),
      ...{ residual: "f32" as const },
    },
    writes: { y: "f32" },
    enable: teamFeatures(team),
    body: `
${declarations}
var<private> sums: array<f32, ${maxRows}>;
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let t = group.y;
  let first = group.x * u.rowsPerGroup;
  if (first >= u.D) { return; }
  let count = min(u.rowsPerGroup, u.D - first);
  let start = t * (u.K * u.F4 + u.Fs4);
  for (var r = 0u; r < count; r++) { sums[r] = 0.0; }
  for (var slot = 0u; slot < u.K; slot++) {
    let weight = weights[t * u.K + slot];
    let expertRow = indices[t * u.K + slot] * u.D;
    let source = start + slot * u.F4;
    ${products("expertsDown", "source", " * weight", "expertRow", "u.F4")}
  }
${shared ? `  let sharedSource = start + u.K * u.F4;\n  ${products("sharedDown", "sharedSource", "", "0u", "u.Fs4")}` : ""}
  for (var r = 0u; r < count; r++) {
    let sum = teamSum(sums[r], lane);
    let at = t * u.D + first + r;
    if (lane == 0u) { y[at] = residual[at] + sum; }
  }
}`,
  });
});
