import { defineKernel, type Kernel } from "./kernel.ts";
import { normBackward, normDeclarations, normForward } from "./norm-loops.ts";
import { normMain, teamName } from "./rms-norm.wgsl.ts";
import { eachIndex, elementOf, indent, rowUniforms } from "./row-kernel.ts";
import { type Team, teamFeatures } from "./target.ts";

/** Compile-time choices of both kernels. */
export interface SplitRmsNormParams {
  readonly team: Team;
  /** For each part, whether it is normed or copied. */
  readonly normed: readonly boolean[];
  /** Buffers of vec4f, all widths count vectors. */
  readonly vectors: boolean;
  /** Backward: dx adds to what is there. */
  readonly accumulate?: boolean;
}

/** Part p is columns [from_p, from_p + width_p) of x [rows, C] -> part_p [rows, width_p], normed with weight_p [width_p] or as it is. */
export function splitRmsNormWgsl({ team, normed, vectors }: SplitRmsNormParams): Kernel {
  const type = elementOf({ vectors });
  const blocks = normed.map((isNormed, p) => {
    const copy = (i: string): string => `part${p}[row * u.width${p} + ${i}] = x[row * u.C + u.from${p} + ${i}];`;
    if (!isNormed) return eachRow(eachIndex(team.size, "0u", `u.width${p}`, copy));
    return normForward(team, { ...columns(p), vectors, y: `part${p}` });
  });
  return defineKernel({
    label: `splitRmsNorm ${nameOf(normed)} ${type} ${teamName(team)}`,
    uniforms: uniformsOf(normed),
    reads: { x: type, ...weightsOf(normed, type) },
    writes: Object.fromEntries(normed.map((_, p) => [`part${p}`, type])),
    enable: teamFeatures(team),
    body: bodyOf(team, blocks),
  });
}

/** dx [rows, C] (+)= gradients of all columns, and partial [groups, sums]: those of the weights, side by side, as `rmsNormGradientWgsl`. */
export function splitRmsNormGradientWgsl(params: SplitRmsNormParams): Kernel {
  const { team, normed, vectors, accumulate = false } = params;
  const type = elementOf({ vectors });
  const base = accumulate ? { base: (i: string) => `dx[${i}]` } : {};
  const blocks = normed.map((isNormed, p) => {
    const copy = (i: string): string =>
      `dx[row * u.C + u.from${p} + ${i}] ${accumulate ? "+=" : "="} dpart${p}[row * u.width${p} + ${i}];`;
    if (!isNormed) return eachRow(eachIndex(team.size, "0u", `u.width${p}`, copy));
    const partial = { partial: `g * u.sums + u.sum${p}`, addsToPartial: "u.addsPartial == 1u || first > firstRow" };
    return normBackward(team, { ...columns(p), vectors, ...base, ...partial, dy: `dpart${p}`, dx: "dx" });
  });
  const sums = Object.fromEntries(normed.flatMap((isNormed, p) => (isNormed ? [[`sum${p}`, "u32" as const]] : [])));
  return defineKernel({
    label: `splitRmsNorm gradient ${nameOf(normed)} ${type} ${teamName(team)}${accumulate ? " accumulate" : ""}`,
    uniforms: { ...uniformsOf(normed), ...sums, sums: "u32", addsPartial: "u32" },
    reads: {
      x: type,
      ...weightsOf(normed, type),
      ...Object.fromEntries(normed.map((_, p) => [`dpart${p}`, type])),
    },
    writes: { dx: type, partial: type },
    enable: teamFeatures(team),
    body: bodyOf(team, blocks),
  });
}

function columns(p: number): { x: string; stride: string; from: string; D: string; weight: string } {
  return { x: "x", stride: "u.C", from: `u.from${p}`, D: `u.width${p}`, weight: `weight${p}` };
}

function bodyOf(team: Team, blocks: readonly string[]): string {
  const body = blocks.map((block) => `{\n${indent(block, 2)}\n}`).join("\n");
  return `${normDeclarations(team)}\n${normMain(team, body)}`;
}

function eachRow(body: string): string {
  return `for (var row = first; row < end; row++) {\n  ${body}\n}`;
}

function uniformsOf(normed: readonly boolean[]): Record<string, "u32" | "f32"> {
  const perPart = normed.flatMap((_, p) => [`from${p}`, `width${p}`]);
  return { ...rowUniforms, C: "u32", eps: "f32", ...Object.fromEntries(perPart.map((name) => [name, "u32" as const])) };
}

function weightsOf(normed: readonly boolean[], type: "f32" | "vec4f"): Record<string, "f32" | "vec4f"> {
  return Object.fromEntries(normed.flatMap((isNormed, p) => (isNormed ? [[`weight${p}`, type]] : [])));
}

function nameOf(normed: readonly boolean[]): string {
  return normed.map((isNormed) => (isNormed ? "norm" : "copy")).join(" ");
}
