import { cachedTemplate, defineKernel, type Kernel } from "@ds3/tensor";

/**
 * out [1] = `nan` when previous[2], the flag of the step before, is set, else loss [1]. On bits: no float comparison of NaN
 * is reliable on every adapter.
 */
export const carryFailureWgsl: () => Kernel = cachedTemplate(() =>
  defineKernel({
    label: "carryFailure",
    uniforms: { nan: "u32" },
    reads: { loss: "u32", previous: "u32" },
    writes: { out: "u32" },
    body: `
@compute @workgroup_size(1)
fn main() { out[0] = select(loss[0], u.nan, previous[2] != 0u); }`,
  }),
);
