import { defineKernel, type Kernel } from "./kernel.ts";
import { assignment, elementOf, flatMain, flatUniforms, type MapParams, mapLabel } from "./row-kernel.ts";

/** out = a + factor b. All [size] elements. */
export function addScaledWgsl(params: MapParams): Kernel {
  return defineKernel({
    label: `addScaled ${mapLabel(params)}`,
    uniforms: { ...flatUniforms, factor: "f32" },
    reads: { a: elementOf(params), b: elementOf(params) },
    writes: { out: elementOf(params) },
    body: flatMain(params.lanes, (i) => `out[${i}] = a[${i}] + u.factor * b[${i}];`),
  });
}

/** out (+)= factor a. Both [size] elements. */
export function scaleWgsl(params: MapParams): Kernel {
  return defineKernel({
    label: `scale ${mapLabel(params)}`,
    uniforms: { ...flatUniforms, factor: "f32" },
    reads: { a: elementOf(params) },
    writes: { out: elementOf(params) },
    body: flatMain(params.lanes, (i) => `out[${i}] ${assignment(params)} u.factor * a[${i}];`),
  });
}

/** out (+)= a b, element by element. All [size] elements. */
export function mulWgsl(params: MapParams): Kernel {
  return defineKernel({
    label: `mul ${mapLabel(params)}`,
    uniforms: flatUniforms,
    reads: { a: elementOf(params), b: elementOf(params) },
    writes: { out: elementOf(params) },
    body: flatMain(params.lanes, (i) => `out[${i}] ${assignment(params)} a[${i}] * b[${i}];`),
  });
}
