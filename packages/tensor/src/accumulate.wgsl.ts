import { defineKernel, type Kernel } from "./kernel.ts";
import { elementOf, flatMain, flatUniforms, type MapParams, mapLabel } from "./row-kernel.ts";

/** sum[i] += source[i]. Both [size]. */
export function addIntoWgsl(params: MapParams): Kernel {
  return defineKernel({
    label: `addInto ${mapLabel(params)}`,
    uniforms: flatUniforms,
    reads: { source: elementOf(params) },
    writes: { sum: elementOf(params) },
    body: flatMain(params.lanes, (i) => `sum[${i}] += source[${i}];`),
  });
}
