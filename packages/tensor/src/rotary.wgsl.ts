import { defineKernel, type Kernel } from "./kernel.ts";
import { assignment, eachIndex, type MapParams, mapLabel, rowMain, rowUniforms } from "./row-kernel.ts";

/**
 * y (+)= x with adjacent pairs of the columns [first, first + 2 pairs) of every head turned by their row's angles, other
 * columns as they are. x, y [T, N, H], cos, sin [P, pairs], positions [T] i32.
 * direction: 1 forward, -1 turns back, which is the gradient. A lane loads its angle once for all heads of the row.
 */
export function rotaryWgsl(params: MapParams): Kernel {
  const { lanes } = params;
  const assign = assignment(params);
  const keep = (i: string): string => `y[${i}] ${assign} x[${i}];`;
  const turn = (pair: string): string => `
  let c = cos[angles + ${pair}];
  let s = sin[angles + ${pair}] * u.direction;
  for (var at = start + u.first + 2u * ${pair}; at < end; at += u.H) {
    let a = x[at];
    let b = x[at + 1u];
    y[at] ${assign} a * c - b * s;
    y[at + 1u] ${assign} a * s + b * c;
  }
`;
  return defineKernel({
    label: `rotary ${mapLabel(params)}`,
    uniforms: { ...rowUniforms, N: "u32", H: "u32", first: "u32", pairs: "u32", direction: "f32" },
    reads: { x: "f32", cos: "f32", sin: "f32", positions: "i32" },
    writes: { y: "f32" },
    body: rowMain(
      lanes,
      `let start = row * u.N * u.H;
let end = start + u.N * u.H;
let angles = u32(positions[row]) * u.pairs;
${eachIndex(lanes, "0u", "u.pairs", turn)}
if (2u * u.pairs < u.H) {
  for (var head = start; head < end; head += u.H) {
    ${eachIndex(lanes, "head", "head + u.first", keep)}
    ${eachIndex(lanes, "head + u.first + 2u * u.pairs", "head + u.H", keep)}
  }
}`,
    ),
  });
}
