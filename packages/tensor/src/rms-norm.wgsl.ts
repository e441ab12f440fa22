import { FLAT_INDEX } from "./grid.ts";
import { defineKernel, type Kernel } from "./kernel.ts";
import { normBackward, normDeclarations, normForward, ROW_BATCH } from "./norm-loops.ts";
import { elementOf, indent, rowUniforms } from "./row-kernel.ts";
import { type Team, teamFeatures } from "./target.ts";

/** Compile-time choices of the forward kernel. */
export interface RmsNormParams {
  readonly team: Team;
  /** Norms the sum of two tensors and keeps it: buffers `a` and `b`, and `x` is written. */
  readonly adds?: boolean;
  /** Buffers of vec4f, D counts vectors. */
  readonly vectors: boolean;
}

/** Compile-time choices of the backward kernel. */
export interface RmsNormGradientParams {
  readonly team: Team;
  /** What dx adds to: nothing, what is there, or the buffer `dsum`. */
  readonly base?: "none" | "dx" | "dsum";
  /** Buffers of vec4f, D counts vectors. */
  readonly vectors: boolean;
}

/** Uniforms: `rows` of D columns, rowsPerGroup of them a workgroup. */
const uniforms = { ...rowUniforms, D: "u32", eps: "f32" } as const;
const whole = { x: "x", stride: "u.D", from: "0u", D: "u.D", weight: "weight" };

/**
 * y = x weight / sqrt(mean x^2 + eps); with `adds` x = a + b, written too. a, b, x, y [rows, D], weight [D].
 * rowsPerGroup is at most ROW_BATCH.
 */
export function rmsNormWgsl({ team, vectors, adds = false }: RmsNormParams): Kernel {
  const type = elementOf({ vectors });
  const element = (i: string): string => `let v = a[${i}] + b[${i}]; x[${i}] = v;`;
  const part = { ...whole, vectors, y: "y", ...(adds ? { element } : {}) };
  return defineKernel({
    label: `${adds ? "addRmsNorm" : "rmsNorm"} ${type} ${teamName(team)}`,
    uniforms,
    reads: adds ? { a: type, b: type, weight: type } : { x: type, weight: type },
    writes: adds ? { x: type, y: type } : { y: type },
    enable: teamFeatures(team),
    body: `${normDeclarations(team)}
${normMain(team, normForward(team, part))}`,
  });
}

/**
 * dx (base +)= r dy weight - x r^3 mean(dy weight x), r = 1 / sqrt(mean x^2 + eps), and partial [groups, D]: the sums over
 * each workgroup's rows of dy x r; with `addsPartial` (one workgroup) added to what is there.
 */
export function rmsNormGradientWgsl({ team, vectors, base = "none" }: RmsNormGradientParams): Kernel {
  const type = elementOf({ vectors });
  const part = {
    ...{
      ...whole,
      vectors,
      dy: "dy",
      dx: "dx",
      partial: "g * u.D",
      addsToPartial: "u.addsPartial == 1u || first > firstRow",
    },
    ...(base === "none" ? {} : { base: (i: string) => `${base}[${i}]` }),
  };
  return defineKernel({
    label: `rmsNorm gradient ${type} ${teamName(team)}${base === "none" ? "" : ` base=${base}`}`,
    uniforms: { ...uniforms, addsPartial: "u32" },
    reads: { x: type, weight: type, dy: type, ...(base === "dsum" ? { dsum: type } : {}) },
    writes: { dx: type, partial: type },
    enable: teamFeatures(team),
    body: `${normDeclarations(team)}
${normMain(team, normBackward(team, part))}`,
  });
}

/** Entry point that runs `body` for batches [first, end) of the workgroup's rows; `g` is the workgroup. */
export function normMain(team: Team, body: string): string {
  return `${FLAT_INDEX}
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let g = flatGroup(group, groups);
  let firstRow = min(g * u.rowsPerGroup, u.rows);
  let endRow = min(firstRow + u.rowsPerGroup, u.rows);
  for (var first = firstRow; first < endRow; first += ${ROW_BATCH}u) {
    let end = min(first + ${ROW_BATCH}u, endRow);
${indent(body, 4)}
  }
}`;
}

/** The part of a label that names a team. */
export function teamName(team: Team): string {
  return `lanes=${team.size} ${team.subgroup ? "subgroup" : "workgroup"}`;
}
