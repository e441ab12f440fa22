import { defineKernel, type Kernel } from "./kernel.ts";
import { type Team, teamFeatures, teamReductions } from "./target.ts";

/** Rows of a weight that one workgroup multiplies at most: their sums wait in private memory. */
export const MAX_DOT_ROWS = 64;

/** What is fused into a product of one row with a weight. */
export interface FusedMatvecParams {
  readonly team: Team;
  /** The row is normed first: x / rms(x) * gain. */
  readonly norm: boolean;
  /** swiglu: rows n and n + N of the weight become silu(first) * second. add: a residual is added. */
  readonly epilogue: "none" | "swiglu" | "add";
  /** Rows are longer than one stretch: `isLongRow`. */
  readonly long: boolean;
}

/** Vectors of four in a stretch of x that a workgroup multiplies before it goes on along K; in a short one. */
const STRETCH = 64;
const SHORT_STRETCH = 32;

/** How `dotRowsWgsl` writes its text. */
export interface DotRowsOptions {
  /** For kernels of several products: stretches of half the length, in half the text. Default false. */
  readonly short?: boolean;
}

/** What `inverseRms` takes the scale of, as WGSL expressions. */
export interface InverseRms {
  /** The variable that holds 1 / sqrt(mean(x^2) + eps) in every lane; `<name>Squares` is taken too. */
  readonly name: string;
  /** Vector `index` of x, their number, and what is added to the mean. */
  readonly x: (index: string) => string;
  readonly length: string;
  readonly eps: string;
}

/** What `dotRows` multiplies, as WGSL expressions. */
export interface DotRows {
  /** Vector `index` of x. */
  readonly x: (index: string) => string;
  /** First vector of weight row `r` of this workgroup, for each product that is wanted of it, by name. */
  readonly rows: Readonly<Record<string, (r: string) => string>>;
  /** Vector `index` of the weight's buffer. */
  readonly weight: (index: string) => string;
  /** Vectors of a row, and the first one of this stretch. */
  readonly length: string;
  readonly from: string;
  /** Rows. */
  readonly count: string;
  /** WGSL that takes row `r`'s products: `dot_<name>` holds this lane's part, `teamSum` of it is the product. */
  readonly use: string;
}

/** The text of products of one row x with many rows of weights, for teams of one size. */
export interface DotRowsWgsl {
  /** Vectors of four in a stretch: what x may be long at most in one `dotRows`. */
  readonly width: number;
  /** Rows that `dotRowsPerGroup` gives a workgroup at most: how many sums wait in private memory. */
  readonly maxRows: number;
  /** `teamSum(v, lane)`, and where a stretch of x is gathered. */
  readonly declarations: string;
  readonly dotRows: (parts: DotRows) => string;
  /** The scale of an RMSNorm of a row that all lanes see. */
  readonly inverseRms: (parts: InverseRms) => string;
  /** Four numbers of an array, such as a private one, from number `first` on, as a vector. */
  readonly vectorOf: (array: string, first: string) => string;
  /** The team's part of a kernel's label. */
  readonly teamLabel: string;
}

/**
 * WGSL for products of one row x with many rows of weights, by a team of lanes.
 *
 * `dotRows` multiplies one stretch of at most `width` vectors of x with the same stretch of `count` rows of a weight. The
 * stretch of x stays in registers while the rows stream past: each weight is read once, four to a load, which costs a
 * software adapter 60 % of four single loads in straight-line code. A guard per block skips what lies beyond the row;
 * lanes beyond it read its last vector and multiply it by 0.
 *
 * Such a driver compiles each buffer access in the text to eight guarded ones, so there are few: x comes through one in a
 * loop, and kernels of several products take `short` stretches (128 numbers are as fast as 256, with half the text).
 * `count` should not be a small constant, or the driver unrolls the rows, all blocks included.
 */
export function dotRowsWgsl(team: Team, { short = false }: DotRowsOptions = {}): DotRowsWgsl {
  const lanes = team.size;
  const stretch = short ? SHORT_STRETCH : STRETCH;
  const blocks = Array.from({ length: Math.max(1, stretch / lanes) }, (_, i) => i);
  const loads = ({ x, length, from }: DotRows): string => `
  for (var j = 0u; j < min(${blocks.length}u, (left + ${lanes - 1}u) / ${lanes}u); j++) {
    let i = ${from} + j * ${lanes}u + lane;
    stretch[j] = vec4f();
    if (i < ${length}) { stretch[j] = ${x("i")}; }
  }
${blocks.map((i) => `  let at${i} = min(${from} + ${i * lanes}u + lane, ${length} - 1u);\n  let x${i} = stretch[${i}];`).join("\n")}`;
  const product = ({ weight }: DotRows, name: string, row: string): string => `
    let row_${name} = ${row};
    var dot_${name} = 0.0;${blocks
      .map(
        (i) => `
    if (left > ${i * lanes}u) {
      let w = ${weight(`row_${name} + at${i}`)};
      dot_${name} += (x${i}.x * w.x + x${i}.y * w.y) + (x${i}.z * w.z + x${i}.w * w.w);
    }`,
      )
      .join("")}`;
  return {
    width: blocks.length * lanes,
    maxRows: MAX_DOT_ROWS,
    declarations: `${teamReductions(team)}\nvar<private> stretch: array<vec4f, ${blocks.length}>;`,
    dotRows: (parts) => `{
  let left = ${parts.length} - ${parts.from};${loads(parts)}
  for (var r = 0u; r < ${parts.count}; r++) {${Object.entries(parts.rows)
    .map(([name, row]) => product(parts, name, row("r")))
    .join("")}
    ${parts.use}
  }
}`,
    inverseRms: ({ name, x, length, eps }) => `
  var ${name}Squares = 0.0;
  for (var i = lane; i < ${length}; i += ${lanes}u) { let v = ${x("i")}; ${name}Squares += dot(v, v); }
  let ${name} = inverseSqrt(teamSum(${name}Squares, lane) / f32(4u * ${length}) + ${eps});`,
    vectorOf: (array, first) => `vec4f(${[0, 1, 2, 3].map((c) => `${array}[${first} + ${c}u]`).join(", ")})`,
    teamLabel: `team=${lanes}${team.subgroup ? "s" : "w"}`,
  };
}

/**
 * y[a, n] = epilogue(sum_k f(x[a, k]) W[n, k]), a workgroup for up to MAX_DOT_ROWS of the N results of one row of x.
 * x [A, K], weight [N or 2N, K], gain [K] with norm, residual [A, N] with add, y [A, N]; K a multiple of 4, in vectors:
 * K4. A row of one stretch is done when its products are; longer ones add up in private memory.
 */
export function fusedMatvecWgsl({ team, norm, epilogue, long }: FusedMatvecParams): Kernel {
  const { width, declarations, dotRows, inverseRms, teamLabel } = dotRowsWgsl(team);
  const swiglu = epilogue === "swiglu";
  const names = swiglu ? ["gate", "up"] : ["sum"];
  const perName = (line: (name: string) => string): string => names.map(line).join(" ");
  const finish = (of: (name: string) => string): string =>
    `${swiglu ? `let g = teamSum(${of("gate")}, lane); let value = g / (1.0 + exp(-g)) * teamSum(${of("up")}, lane);` : `let value = teamSum(${of("sum")}, lane)${epilogue === "add" ? " + residual[a * u.N + first + r]" : ""};`}
    if (lane == 0u) { y[a * u.N + first + r] = value; }`;
  const products = (from: string): string =>
    dotRows({
      x: (i) => (norm ? `x[start + ${i}] * gain[${i}] * scale` : `x[start + ${i}]`),
      rows: Object.fromEntries(
        names.map((name) => [name, (r) => `(first + ${r}${name === "up" ? " + u.N" : ""}) * u.K4`] as const),
      ),
      weight: (i) => `weight[${i}]`,
      ...{ length: "u.K4", from, count: "count" },
      use: long ? perName((name) => `${name}s[r] += dot_${name};`) : finish((name) => `dot_${name}`),
    });
  return defineKernel({
    label: `fusedMatvec ${norm ? "norm " : ""}${epilogue}${long ? " long" : ""} ${teamLabel}`,
    uniforms: { N: "u32", K4: "u32", rowsPerGroup: "u32", eps: "f32" },
    reads: {
      x: "vec4f",
      weight: "vec4f",
      ...(norm ? { gain: "vec4f" as const } : {}),
      ...(epilogue === "add" ? { residual: "f32" as const } : {}),
    },
    writes: { y: "f32" },
    enable: teamFeatures(team),
    body: `
${declarations}
${long ? perName((name) => `var<private> ${name}s: array<f32, ${MAX_DOT_ROWS}>;`) : ""}
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let a = group.y;
  let first = group.x * u.rowsPerGroup;
  if (first >= u.N) { return; }
  let count = min(u.rowsPerGroup, u.N - first);
  let start = a * u.K4;
${norm ? inverseRms({ name: "scale", x: (i) => `x[start + ${i}]`, length: "u.K4", eps: "u.eps" }) : ""}
${
  long
    ? `  for (var r = 0u; r < count; r++) { ${perName((name) => `${name}s[r] = 0.0;`)} }
  for (var k = 0u; k < u.K4; k += ${width}u) ${products("k")}
  for (var r = 0u; r < count; r++) {
    ${finish((name) => `${name}s[r]`)}
  }`
    : products("0u")
}
}`,
  });
}

/** Whether rows of K numbers are more than one stretch of a team. */
export function isLongRow(team: Team, K: number): boolean {
  return K > 4 * dotRowsWgsl(team).width;
}
