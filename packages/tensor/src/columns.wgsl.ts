import { defineKernel, type Kernel, type UniformType } from "./kernel.ts";
import { assignment, eachIndex, type MapParams, mapLabel, rowMain, rowUniforms } from "./row-kernel.ts";

/** Parts that one dispatch can take: with the whole tensor they are the 8 storage buffers of WebGPU's default limit. */
export const MAX_PARTS = 7;

/** Parameters of the column kernels. */
export interface ColumnsParams extends MapParams {
  /** Number of parts, at most MAX_PARTS. */
  readonly parts: number;
}

/** Each part p [rows, width_p] (+)= columns [offset_p, offset_p + width_p) of whole [rows, C]. */
export function splitColumnsWgsl(params: ColumnsParams): Kernel {
  return defineKernel({
    label: `splitColumns parts=${params.parts} ${mapLabel(params)}`,
    uniforms: columnUniforms(params.parts),
    reads: { whole: "f32" },
    writes: partBuffers(params.parts),
    body: columnsBody(params, (p, i) => `part${p}[${i}] ${assignment(params)} whole[${i} + toWhole];`),
  });
}

/** Columns [offset_p, offset_p + width_p) of whole [rows, C] (+)= part p [rows, width_p]. */
export function concatColumnsWgsl(params: ColumnsParams): Kernel {
  return defineKernel({
    label: `concatColumns parts=${params.parts} ${mapLabel(params)}`,
    uniforms: columnUniforms(params.parts),
    reads: partBuffers(params.parts),
    writes: { whole: "f32" },
    body: columnsBody(params, (p, i) => `whole[${i} + toWhole] ${assignment(params)} part${p}[${i}];`),
  });
}

/** For each part, the loop over its columns; `toWhole` (modulo 2^32) leads from an index of the part to the whole's. */
function columnsBody({ lanes, parts }: ColumnsParams, copy: (part: number, i: string) => string): string {
  const loops = partIndices(parts).map(
    (p) => `{
  let start = row * u.width${p};
  let toWhole = row * u.C + u.offset${p} - start;
  ${eachIndex(lanes, "start", `start + u.width${p}`, (i) => copy(p, i))}
}`,
  );
  return rowMain(lanes, loops.join("\n"));
}

function columnUniforms(parts: number): Record<string, UniformType> {
  const perPart = partIndices(parts).flatMap((p): [string, UniformType][] => [
    [`offset${p}`, "u32"],
    [`width${p}`, "u32"],
  ]);
  return { ...rowUniforms, C: "u32", ...Object.fromEntries(perPart) };
}

function partBuffers(parts: number): Record<string, "f32"> {
  return Object.fromEntries(partIndices(parts).map((p) => [`part${p}`, "f32" as const]));
}

function partIndices(parts: number): number[] {
  return Array.from({ length: parts }, (_, p) => p);
}
