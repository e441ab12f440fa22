import { defineKernel, type Kernel } from "./kernel.ts";
import { assignment, flatMain, flatUniforms, type MapParams, mapLabel } from "./row-kernel.ts";

/** out = a + factor b. All [size]. */
export function addScaledWgsl(params: MapParams): Kernel {
  return defineKernel({
    label: `addScaled ${mapLabel(params)}`,
    uniforms: { ...flatUniforms, factor: "f32" },
    reads: { a: "f32", b: "f32" },
    writes: { out: "f32" },
    body: flatMain(params.lanes, (i) => `out[${i}] = a[${i}] + u.factor * b[${i}];`),
  });
}

/** out (+)= factor a. Both [size]. */
export function scaleWgsl(params: MapParams): Kernel {
  return defineKernel({
    label: `scale ${mapLabel(params)}`,
    uniforms: { ...flatUniforms, factor: "f32" },
    reads: { a: "f32" },
    writes: { out: "f32" },
    body: flatMain(params.lanes, (i) => `out[${i}] ${assignment(params)} u.factor * a[${i}];`),
  });
}

/** out (+)= a b, element by element. All [size]. */
export function mulWgsl(params: MapParams): Kernel {
  return defineKernel({
    label: `mul ${mapLabel(params)}`,
    uniforms: flatUniforms,
    reads: { a: "f32", b: "f32" },
    writes: { out: "f32" },
    body: flatMain(params.lanes, (i) => `out[${i}] ${assignment(params)} a[${i}] * b[${i}];`),
  });
}
