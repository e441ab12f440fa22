/*
 * Residual addition and layer norm (Ba et al. 2016) with a gain and no bias, in one kernel: an op outside @ds3/tensor,
 * written with its public parts, for the peers' GPT.
 *
 * x = a + b, y = h gain with h = (x - mean) r, r = 1 / sqrt(var + eps). Backward, with g = dy gain:
 * dx = dsum + r (g - mean(g) - h mean(g h)), dgain = sum over rows of dy h. Both come from one kernel: each workgroup
 * sums its rows for the gain, and a second kernel adds these sums in order.
 *
 * A workgroup takes its rows in two passes. The first reduces each row to its numbers; the second keeps a column's gain
 * (and the sum of the gain's gradient) in registers and walks down the rows.
 */
import { ShapeError } from "@ds3/errors";
import {
  cachedTemplate,
  defineKernel,
  dims,
  FLAT_INDEX,
  flatGrid,
  type GradientSink,
  type Kernel,
  type KernelTarget,
  record,
  type SumAndNorm,
  type Team,
  type Tensor,
  teamFeatures,
  teamOf,
  teamReductions,
} from "@ds3/tensor";

/** Rows that private arrays keep the numbers of. */
const ROW_BATCH = 32;
/** Workgroups that keep a software adapter's threads busy. */
const SOFTWARE_GROUPS = 8;
/** Rows of partial sums elsewhere, at most: they are added one after the other. */
const MAX_PARTIALS = 256;

/** Compile-time choices: buffers of vec4f where rows are whole vectors, D then counts vectors. */
interface NormParams {
  readonly team: Team;
  readonly vectors: boolean;
}

/** What dx adds to: nothing, what is there, or the buffer `dsum`. */
type Base = "none" | "dx" | "dsum";

const label = ({ team, vectors }: NormParams): string =>
  `${vectors ? "vec4f" : "f32"} lanes=${team.size} ${team.subgroup ? "subgroup" : "workgroup"}`;
const uniforms = { rows: "u32", rowsPerGroup: "u32", D: "u32" } as const;

/** WGSL that all variants share: the type of an element, sums over a row, and the rows of a workgroup in batches. */
const main = ({ team, vectors }: NormParams, arrays: readonly string[], body: string): string => `
alias Element = ${vectors ? "vec4f" : "f32"};
${arrays.map((name) => `var<private> ${name}: array<f32, ${ROW_BATCH}>;`).join("\n")}
${teamReductions(team)}
fn rowMean(v: Element, lane: u32) -> f32 {
  return teamSum(${vectors ? "(v.x + v.z) + (v.y + v.w)" : "v"}, lane) / f32(u.D${vectors ? " * 4u" : ""});
}
${FLAT_INDEX}
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let g = flatGroup(group, groups);
  let firstRow = min(g * u.rowsPerGroup, u.rows);
  let endRow = min(firstRow + u.rowsPerGroup, u.rows);
  for (var first = firstRow; first < endRow; first += ${ROW_BATCH}u) {
    let end = min(first + ${ROW_BATCH}u, endRow);
${body}
  }
}`;

/*
 * One pass for mean and variance: both are taken of the differences to the row's first element o. The cancellation in
 * mean((x - o)^2) - mean(x - o)^2 is bounded for every row, as (o - mean)^2 <= (D - 1) var (Samuelson's inequality).
 */
const forwardWgsl: (params: NormParams) => Kernel = cachedTemplate((params) => {
  const { team, vectors } = params;
  const type = vectors ? "vec4f" : "f32";
  return defineKernel({
    label: `addLayerNorm ${label(params)}`,
    uniforms: { ...uniforms, eps: "f32" },
    reads: { a: type, b: type, gain: type },
    writes: { x: type, y: type, stats: "vec2f" },
    enable: teamFeatures(team),
    body: main(
      params,
      ["means", "scales"],
      `
    for (var row = first; row < end; row++) {
      let start = row * u.D;
      let origin = (a[start] + b[start])${vectors ? ".x" : ""};
      var sum = Element();
      var squares = Element();
      for (var i = start + lane; i < start + u.D; i += ${team.size}u) {
        let v = a[i] + b[i];
        x[i] = v;
        let d = v - origin;
        sum += d;
        squares += d * d;
      }
      let shift = rowMean(sum, lane);
      let scale = inverseSqrt(max(rowMean(squares, lane) - shift * shift, 0.0) + u.eps);
      means[row - first] = origin + shift;
      scales[row - first] = scale;
      if (lane == 0u) { stats[row] = vec2f(origin + shift, scale); }
    }
    for (var c = lane; c < u.D; c += ${team.size}u) {
      let w = gain[c];
      for (var row = first; row < end; row++) {
        let i = row * u.D + c;
        y[i] = (x[i] - means[row - first]) * (w * scales[row - first]);
      }
    }`,
    ),
  });
});

/** dx, and the sums of the gain's gradient over each workgroup's rows: partial [groups, D]. */
const gradientWgsl: (params: NormParams & { readonly base: Base }) => Kernel = cachedTemplate((params) => {
  const { team, vectors, base } = params;
  const type = vectors ? "vec4f" : "f32";
  return defineKernel({
    label: `addLayerNorm gradient ${label(params)} base=${base}`,
    uniforms,
    reads: { x: type, gain: type, stats: "vec2f", dy: type, ...(base === "dsum" ? { dsum: type } : {}) },
    writes: { dx: type, partial: type },
    enable: teamFeatures(team),
    body: main(
      params,
      ["means", "scales", "pulls", "shifts"],
      `
    for (var row = first; row < end; row++) {
      let start = row * u.D;
      let mean = stats[row].x;
      let scale = stats[row].y;
      var sum = Element();
      var products = Element();
      for (var c = lane; c < u.D; c += ${team.size}u) {
        let d = dy[start + c] * gain[c];
        sum += d;
        products += d * (x[start + c] - mean);
      }
      means[row - first] = mean;
      scales[row - first] = scale;
      shifts[row - first] = rowMean(sum, lane) * scale;
      pulls[row - first] = rowMean(products, lane) * scale * scale * scale;
    }
    for (var c = lane; c < u.D; c += ${team.size}u) {
      let w = gain[c];
      var total = Element();
      for (var row = first; row < end; row++) {
        let i = row * u.D + c;
        let n = row - first;
        let v = x[i] - means[n];
        let d = dy[i] * scales[n];
        dx[i] = ${base === "none" ? "" : `${base}[i] + `}(d * w - v * pulls[n] - shifts[n]);
        total += d * v;
      }
      if (first > firstRow) { total += partial[g * u.D + c]; }
      partial[g * u.D + c] = total;
    }`,
    ),
  });
});

/** dgain (+)= sum over rows of partial [rows, D], in order. */
const sumWgsl: (lanes: number, accumulate: boolean) => Kernel = cachedTemplate((lanes, accumulate) =>
  defineKernel({
    label: `addLayerNorm dgain lanes=${lanes}${accumulate ? " accumulate" : ""}`,
    uniforms: { rows: "u32", D: "u32" },
    reads: { partial: "f32" },
    writes: { dgain: "f32" },
    body: `
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = group.x * ${lanes}u + lane;
  if (c >= u.D) { return; }
  var sum = 0.0;
  for (var row = 0u; row < u.rows; row++) { sum += partial[row * u.D + c]; }
  dgain[c] ${accumulate ? "+=" : "="} sum;
}`,
  }),
);

/**
 * sum = a + b and normed = its layer norm. a, b [T, D], gain [D], f32; returns two of [T, D].
 *
 * Cost: one dispatch forward, two backward, the second over at most 256 rows of sums. Both inputs get one gradient.
 * @throws ShapeError when shapes differ or a size is 0.
 */
export function addLayerNorm(a: Tensor, b: Tensor, gain: Tensor, eps: number): SumAndNorm {
  const { T, D } = dims("addLayerNorm", { a: "T D", b: "T D", gain: "D" }, { a, b, gain });
  if (T * D === 0) throw new ShapeError({ op: "addLayerNorm", operand: "a", expected: "T, D > 0", actual: `${a}` });
  const { gpu } = a;
  const sum = gpu.empty([T, D], "f32", "addLayerNorm sum");
  const normed = gpu.empty([T, D], "f32", "addLayerNorm");
  const stats = gpu.empty([T, 2], "f32", "addLayerNorm stats");
  const rowsPerGroup = forwardRows(gpu.target, T);
  const { params, columns } = choose(gpu.target, D);
  gpu.dispatch(
    forwardWgsl(params),
    { a, b, gain, x: sum, y: normed, stats },
    { rows: T, rowsPerGroup, D: columns, eps },
    flatGrid(T, rowsPerGroup),
  );
  record(gpu, {
    label: "addLayerNorm",
    inputs: [a, b, gain],
    outputs: [sum, normed],
    saved: [sum, gain, stats],
    backward: ([dsum, dy], sink) => {
      const gradient = dy ? gradients({ x: sum, gain, stats, dy }, dsum, sink) : dsum!;
      sink.add(a, gradient);
      sink.add(b, gradient);
    },
  });
  return { sum, normed };
}

/** Gives the gain its gradient and returns dx, in the memory of dsum where nobody else needs it. */
function gradients(
  operands: Readonly<Record<"x" | "gain" | "stats" | "dy", Tensor>>,
  dsum: Tensor | undefined,
  sink: GradientSink,
): Tensor {
  const { x, gain } = operands;
  const { gpu } = x;
  const [T, D] = x.shape as [number, number];
  const base: Base = !dsum ? "none" : sink.owns(dsum) ? "dx" : "dsum";
  const dx = base === "dx" ? dsum! : gpu.empty([T, D], "f32", "addLayerNorm gradient");
  const rowsPerGroup = Math.ceil(T / (gpu.target.software ? SOFTWARE_GROUPS : MAX_PARTIALS));
  const rows = Math.ceil(T / rowsPerGroup);
  const partial = gpu.empty([rows, D], "f32", "addLayerNorm partial sums");
  const { params, columns } = choose(gpu.target, D);
  gpu.dispatch(
    gradientWgsl({ ...params, base }),
    { ...operands, ...(base === "dsum" ? { dsum: dsum! } : {}), dx, partial },
    { rows: T, rowsPerGroup, D: columns },
    flatGrid(T, rowsPerGroup),
  );
  const lanes = params.team.size;
  sink.into(gain, (dgain, accumulate) =>
    gpu.dispatch(sumWgsl(lanes, accumulate), { partial, dgain }, { rows, D }, [Math.ceil(D / lanes)]),
  );
  return dx;
}

function choose(target: KernelTarget, D: number): { params: NormParams; columns: number } {
  const vectors = D % 4 === 0;
  return { params: { team: teamOf(target), vectors }, columns: vectors ? D / 4 : D };
}

/** Several rows a workgroup on a software adapter, so that it loads the gain once for them. */
function forwardRows({ software }: KernelTarget, T: number): number {
  return software ? Math.min(ROW_BATCH, Math.ceil(T / SOFTWARE_GROUPS)) : 1;
}
