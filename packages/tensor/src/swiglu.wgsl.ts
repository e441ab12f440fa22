import { defineKernel, type Kernel } from "./kernel.ts";
import { assignment, eachIndex, elementOf, type MapParams, mapLabel, rowMain, rowUniforms } from "./row-kernel.ts";

/** y = silu(gate) up, with gate the columns [0, F) and up the columns [F, 2F) of x. x [rows, 2F], y [rows, F]. */
export function swigluWgsl(params: MapParams): Kernel {
  return defineKernel({
    label: `swiglu ${mapLabel(params)}`,
    uniforms: { ...rowUniforms, F: "u32" },
    reads: { x: elementOf(params) },
    writes: { y: elementOf(params) },
    body: rowMain(
      params.lanes,
      `let gates = row * 2u * u.F;
let ups = gates + u.F;
let outs = row * u.F;
${eachIndex(
  params.lanes,
  "0u",
  "u.F",
  (c) => `let z = x[gates + ${c}]; y[outs + ${c}] = z / (1.0 + exp(-z)) * x[ups + ${c}];`,
)}`,
    ),
  });
}

/** With s = sigmoid(gate): dgate (+)= dy up s (1 + gate (1 - s)), dup (+)= dy gate s. dx [rows, 2F], dy [rows, F]. */
export function swigluGradientWgsl(params: MapParams): Kernel {
  const assign = assignment(params);
  return defineKernel({
    label: `swiglu dx ${mapLabel(params)}`,
    uniforms: { ...rowUniforms, F: "u32" },
    reads: { x: elementOf(params), dy: elementOf(params) },
    writes: { dx: elementOf(params) },
    body: rowMain(
      params.lanes,
      `let gates = row * 2u * u.F;
let ups = gates + u.F;
let outs = row * u.F;
${eachIndex(
  params.lanes,
  "0u",
  "u.F",
  (c) => `
    let z = x[gates + ${c}];
    let s = 1.0 / (1.0 + exp(-z));
    let d = dy[outs + ${c}] * s;
    dx[gates + ${c}] ${assign} d * x[ups + ${c}] * (1.0 + z * (1.0 - s));
    dx[ups + ${c}] ${assign} d * z;
  `,
)}`,
    ),
  });
}
