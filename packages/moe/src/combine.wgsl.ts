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

/** Compile-time choices of combine's kernels. */
export interface CombineParams extends RowParams {
  /** `rows` are bf16, two to a word; all else is f32. Default false. */
  readonly bf16?: boolean;
}

/**
 * sums [T, D] = residual [T, D] (flag 4) + base [T, D] (flag 1) + sum_k weight[t, k] (flag 2, else 1) rows[position[t, k]];
 * or += with `accumulate`.
 */
export const sumRowsWgsl: (params: CombineParams) => Kernel = cachedTemplate((params: CombineParams) => {
  const { team, vectors, K } = params;
  const rows = rowReader(params);
  return defineKernel({
    label: `moe sum rows K=${K} ${rows.label} lanes=${team.size}`,
    uniforms: { T: "u32", K: "u32", D: "u32", given: "u32", accumulate: "u32" },
    reads: {
      rows: rows.element,
      position: "u32",
      weights: "f32",
      base: element(vectors),
      residual: element(vectors),
    },
    writes: { sums: element(vectors) },
    body: `
${FLAT_INDEX}${rows.functions}
var<private> first: array<u32, ${K}>;
var<private> scale: array<f32, ${K}>;
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let t = flatGroup(group, groups);
  if (t >= u.T) { return; }
  for (var k = 0u; k < u.K; k++) {
    first[k] = position[t * u.K + k] * ${rows.pitch};
    scale[k] = 1.0;
    if ((u.given & 2u) != 0u) { scale[k] = weights[t * u.K + k]; }
  }
  for (var d = lane; d < u.D; d += ${team.size}u) {
    var sum = ${vectors ? "vec4f()" : "0.0"};
    for (var k = 0u; k < u.K; k++) { sum += scale[k] * ${rows.at("first[k]", "d")}; }
    if ((u.given & 1u) != 0u) { sum += base[t * u.D + d]; }
    if ((u.given & 4u) != 0u) { sum += residual[t * u.D + d]; }
    if (u.accumulate == 1u) { sum += sums[t * u.D + d]; }
    sums[t * u.D + d] = sum;
  }
}`,
  });
});

/**
 * Backward of combine, one team per token: gradRows[position[t, k]] = weight dy[t], gradWeights[t, k] = rows . dy[t].
 * Bits of `accumulate`: 1 adds to gradRows, 2 to gradWeights.
 */
export const combineBackwardWgsl: (params: Omit<CombineParams, "K">) => Kernel = cachedTemplate(
  (params: Omit<CombineParams, "K">) => {
    const { team, vectors } = params;
    const rows = rowReader(params);
    return defineKernel({
      label: `moe combine backward ${rows.label} lanes=${team.size}${team.subgroup ? " subgroup" : ""}`,
      uniforms: { T: "u32", K: "u32", D: "u32", accumulate: "u32" },
      reads: { rows: rows.element, position: "u32", weights: "f32", gradSums: element(vectors) },
      writes: { gradRows: element(vectors), gradWeights: "f32" },
      enable: teamFeatures(team),
      body: `
${FLAT_INDEX}${rows.functions}
${teamReductions(team)}
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let t = flatGroup(group, groups);
  if (t >= u.T) { return; }
  for (var slot = t * u.K; slot < (t + 1u) * u.K; slot++) {
    let row = position[slot] * ${rows.pitch};
    let first = position[slot] * u.D;
    let weight = weights[slot];
    var products = ${vectors ? "vec4f()" : "0.0"};
    for (var d = lane; d < u.D; d += ${team.size}u) {
      let gradient = gradSums[t * u.D + d];
      products += ${rows.at("row", "d")} * gradient;
      var gradRow = weight * gradient;
      if ((u.accumulate & 1u) != 0u) { gradRow += gradRows[first + d]; }
      gradRows[first + d] = gradRow;
    }
    let total = teamSum(${vectors ? "(products.x + products.y) + (products.z + products.w)" : "products"}, lane);
    if (lane == 0u) { gradWeights[slot] = total + select(0.0, gradWeights[slot], (u.accumulate & 2u) != 0u); }
  }
}`,
    });
  },
);

/** How a kernel reads `rows`. */
interface RowReader {
  readonly label: string;
  /** WGSL element of the buffer. */
  readonly element: "vec4f" | "f32" | "vec2u" | "u32";
  /** Elements of the buffer from one row to the next. */
  readonly pitch: string;
  readonly functions: string;
  /** Value `d` (a float, or a vector of four) of the row that starts at element `first`. */
  at(first: string, d: string): string;
}

/** A bf16 is the upper half of an f32. The even column is the lower half of a word; odd rows end in half a word. */
function rowReader({ vectors, bf16 = false }: Omit<CombineParams, "K">): RowReader {
  const plain = element(vectors);
  if (!bf16) {
    return { label: plain, element: plain, pitch: "u.D", functions: "", at: (first, d) => `rows[${first} + ${d}]` };
  }
  if (!vectors) {
    const functions = `
fn value(first: u32, d: u32) -> f32 {
  let word = rows[first + d / 2u];
  return bitcast<f32>(select(word << 16u, word & 0xffff0000u, (d & 1u) == 1u));
}`;
    const at = (first: string, d: string): string => `value(${first}, ${d})`;
    return { label: "bf16", element: "u32", pitch: "((u.D + 1u) / 2u)", functions, at };
  }
  const functions = `
fn value(words: vec2u) -> vec4f {
  return bitcast<vec4f>(vec4u(words.x << 16u, words.x & 0xffff0000u, words.y << 16u, words.y & 0xffff0000u));
}`;
  const at = (first: string, d: string): string => `value(rows[${first} + ${d}])`;
  return { label: "bf16 vec4f", element: "vec2u", pitch: "u.D", functions, at };
}

/** WGSL element of a row buffer. */
export function element(vectors: boolean): "vec4f" | "f32" {
  return vectors ? "vec4f" : "f32";
}
