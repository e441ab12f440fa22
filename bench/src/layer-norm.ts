/*
 * Layer norm with a gain and no bias: an op outside @ds3/tensor, written with its public parts, for the peers' GPT.
 * y = (x - mean) r gain, r = 1 / sqrt(var + eps). With g = dy gain and h = (x - mean) r:
 * dx = r (g - mean(g) - h mean(g h)), dgain = sum over rows of dy h.
 */
import {
  cachedTemplate,
  defineKernel,
  dims,
  flatGrid,
  type Kernel,
  record,
  type Team,
  type Tensor,
  teamFeatures,
  teamOf,
  teamReductions,
} from "@ds3/tensor";

const main = (team: Team, body: string): string => `
${teamReductions(team)}
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x + group.y * groups.x;
  if (row >= u.T) { return; }
  let base = row * u.D;
${body}
}`;
const label = (team: Team): string => `team=${team.size}${team.subgroup ? "s" : "w"}`;

const forwardWgsl: (team: Team) => Kernel = cachedTemplate((team) =>
  defineKernel({
    label: `layerNorm ${label(team)}`,
    uniforms: { T: "u32", D: "u32", eps: "f32" },
    reads: { x: "f32", gain: "f32" },
    writes: { y: "f32", stats: "f32" },
    enable: teamFeatures(team),
    body: main(
      team,
      `
  var sum = 0.0;
  for (var i = lane; i < u.D; i += ${team.size}u) { sum += x[base + i]; }
  let mean = teamSum(sum, lane) / f32(u.D);
  var square = 0.0;
  for (var i = lane; i < u.D; i += ${team.size}u) { let d = x[base + i] - mean; square += d * d; }
  let r = 1.0 / sqrt(teamSum(square, lane) / f32(u.D) + u.eps);
  for (var i = lane; i < u.D; i += ${team.size}u) { y[base + i] = (x[base + i] - mean) * r * gain[i]; }
  if (lane == 0u) { stats[2u * row] = mean; stats[2u * row + 1u] = r; }`,
    ),
  }),
);

const inputGradientWgsl: (team: Team, accumulate: boolean) => Kernel = cachedTemplate((team, accumulate) =>
  defineKernel({
    label: `layerNorm dx ${label(team)}${accumulate ? " accumulate" : ""}`,
    uniforms: { T: "u32", D: "u32" },
    reads: { x: "f32", gain: "f32", stats: "f32", dy: "f32" },
    writes: { dx: "f32" },
    enable: teamFeatures(team),
    body: main(
      team,
      `
  let mean = stats[2u * row];
  let r = stats[2u * row + 1u];
  var g = 0.0;
  var gh = 0.0;
  for (var i = lane; i < u.D; i += ${team.size}u) {
    let gi = dy[base + i] * gain[i];
    g += gi;
    gh += gi * (x[base + i] - mean) * r;
  }
  let meanG = teamSum(g, lane) / f32(u.D);
  let meanGh = teamSum(gh, lane) / f32(u.D);
  for (var i = lane; i < u.D; i += ${team.size}u) {
    let h = (x[base + i] - mean) * r;
    dx[base + i] ${accumulate ? "+=" : "="} r * (dy[base + i] * gain[i] - meanG - h * meanGh);
  }`,
    ),
  }),
);

/** Adds to the gain's gradient; each workgroup sums all rows of its columns in order. */
const gainGradientWgsl: (lanes: number) => Kernel = cachedTemplate((lanes) =>
  defineKernel({
    label: `layerNorm dgain lanes=${lanes}`,
    uniforms: { T: "u32", D: "u32" },
    reads: { x: "f32", stats: "f32", dy: "f32" },
    writes: { dgain: "f32" },
    body: `
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group.x * ${lanes}u + lane;
  if (i >= u.D) { return; }
  var sum = 0.0;
  for (var row = 0u; row < u.T; row++) {
    sum += dy[row * u.D + i] * (x[row * u.D + i] - stats[2u * row]) * stats[2u * row + 1u];
  }
  dgain[i] += sum;
}`,
  }),
);

/** x [T, D], gain [D] (a parameter) -> [T, D]. */
export function layerNorm(x: Tensor, gain: Tensor, eps: number): Tensor {
  const { T, D } = dims("layerNorm", { x: "T D", gain: "D" }, { x, gain });
  const { gpu } = x;
  const team = teamOf(gpu.target);
  const y = gpu.empty([T, D], "f32", "layerNorm");
  const stats = gpu.empty([T, 2], "f32", "layerNorm stats");
  gpu.dispatch(forwardWgsl(team), { x, gain, y, stats }, { T, D, eps }, flatGrid(T, 1));
  record(gpu, {
    label: "layerNorm",
    inputs: [x, gain],
    outputs: [y],
    saved: [x, stats],
    backward: ([dy], sink) => {
      const operands = { x, stats, dy: dy! };
      sink.into(x, (dx, accumulate) =>
        gpu.dispatch(inputGradientWgsl(team, accumulate), { ...operands, gain, dx }, { T, D }, flatGrid(T, 1)),
      );
      sink.into(gain, (dgain, accumulate) => {
        if (!accumulate) gpu.clear(dgain);
        gpu.dispatch(gainGradientWgsl(team.size), { ...operands, dgain }, { T, D }, [Math.ceil(D / team.size)]);
      });
    },
  });
  return y;
}
