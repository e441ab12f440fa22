import { defineKernel, type Kernel } from "./kernel.ts";
import {
  assignment,
  eachIndex,
  type MapParams,
  mapLabel,
  type RowTeamParams,
  rowMain,
  rowUniforms,
  teamLabel,
} from "./row-kernel.ts";
import { teamFeatures, teamReductions } from "./target.ts";

/** Columns of one lane in the column sums. */
const LANE_COLUMNS = 4;

/** y = x inverseRms weight, inverseRms = 1 / sqrt(mean x^2 + eps). x, y [rows, D], weight [D], inverseRms [rows]. */
export function rmsNormWgsl({ team }: RowTeamParams): Kernel {
  const lanes = team.size;
  return defineKernel({
    label: `rmsNorm ${teamLabel({ team })}`,
    uniforms: { ...rowUniforms, D: "u32", eps: "f32" },
    reads: { x: "f32", weight: "f32" },
    writes: { y: "f32", inverseRms: "f32" },
    enable: teamFeatures(team),
    body: `${teamReductions(team)}
${rowMain(
  lanes,
  `let start = row * u.D;
var squares = 0.0;
${eachIndex(lanes, "0u", "u.D", (c) => `let v = x[start + ${c}]; squares += v * v;`)}
let scale = inverseSqrt(teamSum(squares, lane) / f32(u.D) + u.eps);
if (lane == 0u) { inverseRms[row] = scale; }
${eachIndex(lanes, "0u", "u.D", (c) => `y[start + ${c}] = x[start + ${c}] * scale * weight[${c}];`)}`,
)}`,
  });
}

/** dx (+)= r dy weight - x r^3 mean(dy weight x), r = inverseRms. x, dy, dx [rows, D], weight [D], inverseRms [rows]. */
export function rmsNormInputGradientWgsl(params: RowTeamParams): Kernel {
  const { team } = params;
  const lanes = team.size;
  const assign = assignment({ lanes, ...params });
  return defineKernel({
    label: `rmsNorm dx ${teamLabel(params)}`,
    uniforms: { ...rowUniforms, D: "u32" },
    reads: { x: "f32", weight: "f32", inverseRms: "f32", dy: "f32" },
    writes: { dx: "f32" },
    enable: teamFeatures(team),
    body: `${teamReductions(team)}
${rowMain(
  lanes,
  `let start = row * u.D;
let r = inverseRms[row];
var products = 0.0;
${eachIndex(lanes, "0u", "u.D", (c) => `products += dy[start + ${c}] * weight[${c}] * x[start + ${c}];`)}
let pull = teamSum(products, lane) / f32(u.D) * r * r * r;
${eachIndex(
  lanes,
  "0u",
  "u.D",
  (c) => `dx[start + ${c}] ${assign} dy[start + ${c}] * weight[${c}] * r - x[start + ${c}] * pull;`,
)}`,
)}`,
  });
}

/**
 * out [chunks, D] (+)= sum over the rows of each chunk of dy x inverseRms: the weight's gradient, or its partial sums.
 * Grid: x over blocks of columns (`columnsPerGroup`), y over chunks of `rowsPerGroup` rows.
 */
export function rmsNormWeightGradientWgsl(params: MapParams): Kernel {
  const term = (n: string): string => `dy[start + ${n}] * x[start + ${n}] * r`;
  return defineKernel({
    label: `rmsNorm dweight ${mapLabel(params)}`,
    uniforms: { ...rowUniforms, D: "u32" },
    reads: { x: "f32", inverseRms: "f32", dy: "f32" },
    writes: { out: "f32" },
    body: columnSums(params, "let r = inverseRms[row];", term),
  });
}

/** out [D] (+)= sum over rows of partial [rows, D]. Grid as above, one chunk. */
export function sumRowsWgsl(params: MapParams): Kernel {
  return defineKernel({
    label: `sumRows ${mapLabel(params)}`,
    uniforms: { ...rowUniforms, D: "u32" },
    reads: { partial: "f32" },
    writes: { out: "f32" },
    body: columnSums(params, "", (n) => `partial[start + ${n}]`),
  });
}

/** Columns per workgroup of the column sums. */
export function columnsPerGroup(lanes: number): number {
  return lanes * LANE_COLUMNS;
}

function columnSums(params: MapParams, perRow: string, term: (column: string) => string): string {
  const { lanes } = params;
  const columns = Array.from({ length: LANE_COLUMNS }, (_, j) => j);
  const assign = assignment(params);
  return `
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let column = group.x * ${columnsPerGroup(lanes)}u + lane;
${columns.map((j) => `  let n${j} = min(column + ${j * lanes}u, u.D - 1u);\n  var s${j} = 0.0;`).join("\n")}
  let firstRow = group.y * u.rowsPerGroup;
  for (var row = firstRow; row < min(firstRow + u.rowsPerGroup, u.rows); row++) {
    let start = row * u.D;
    ${perRow}
${columns.map((j) => `    s${j} += ${term(`n${j}`)};`).join("\n")}
  }
  let to = group.y * u.D + column;
${columns.map((j) => `  if (column + ${j * lanes}u < u.D) { out[to + ${j * lanes}u] ${assign} s${j}; }`).join("\n")}
}`;
}
