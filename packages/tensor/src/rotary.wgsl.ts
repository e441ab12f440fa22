import { defineKernel, type Kernel } from "./kernel.ts";
import { assignment, eachIndex, type MapParams, mapLabel, rowMain, rowUniforms } from "./row-kernel.ts";

/**
 * y (+)= x with adjacent pairs of the columns [first, first + 2 pairs) of every head turned by its row's angles, other
 * columns as they are. x, y [T, N, H], a row here being one head of one t; cos, sin [P, pairs], positions [T] i32.
 * direction: 1 forward, -1 turns back, which is the gradient.
 */
export function rotaryWgsl(params: MapParams): Kernel {
  const { lanes } = params;
  const assign = assignment(params);
  const keep = (i: string): string => `y[${i}] ${assign} x[${i}];`;
  return defineKernel({
    label: `rotary ${mapLabel(params)}`,
    uniforms: { ...rowUniforms, N: "u32", H: "u32", first: "u32", pairs: "u32", direction: "f32" },
    reads: { x: "f32", cos: "f32", sin: "f32", positions: "i32" },
    writes: { y: "f32" },
    body: rowMain(
      lanes,
      `let start = row * u.H;
let window = start + u.first;
let angles = u32(positions[row / u.N]) * u.pairs;
${eachIndex(lanes, "start", "window", keep)}
${eachIndex(
  lanes,
  "0u",
  "u.pairs",
  (pair) => `
    let c = cos[angles + ${pair}];
    let s = sin[angles + ${pair}] * u.direction;
    let at = window + 2u * ${pair};
    let a = x[at];
    let b = x[at + 1u];
    y[at] ${assign} a * c - b * s;
    y[at + 1u] ${assign} a * s + b * c;
  `,
)}
${eachIndex(lanes, "(window + 2u * u.pairs)", "(start + u.H)", keep)}`,
    ),
  });
}
