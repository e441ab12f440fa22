import { cachedTemplate, defineKernel, FLAT_INDEX, type Kernel } from "@ds3/tensor";

/**
 * A stable counting sort of slots (token, k) by expert, in three passes over blocks of BLOCK slots: count per block, scan
 * over blocks, place. Counting uses integer atomics in workgroup memory, whose sums do not depend on order; within a
 * block a slot's rank is the number of earlier slots of its expert, so the result is the same on every run.
 */

/** Slots per block: on a software adapter small, since ranking costs BLOCK / 2 steps a slot. */
export interface PlanParams {
  readonly lanes: number;
  readonly block: number;
  readonly E: number;
}

/** indices [R] -> counts [blocks, E]: slots of each block that chose each expert. One workgroup per block. */
export const countBlocksWgsl: (params: PlanParams) => Kernel = cachedTemplate(({ lanes, block, E }: PlanParams) =>
  defineKernel({
    label: `planDispatch count E=${E} block=${block} lanes=${lanes}`,
    uniforms: { R: "u32", blocks: "u32" },
    reads: { indices: "u32" },
    writes: { counts: "u32" },
    body: `
${FLAT_INDEX}
var<workgroup> histogram: array<atomic<u32>, ${E}>;
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let b = flatGroup(group, groups);
  if (b >= u.blocks) { return; }
  for (var e = lane; e < ${E}u; e += ${lanes}u) { atomicStore(&histogram[e], 0u); }
  workgroupBarrier();
  for (var i = b * ${block}u + lane; i < min((b + 1u) * ${block}u, u.R); i += ${lanes}u) { atomicAdd(&histogram[indices[i]], 1u); }
  workgroupBarrier();
  for (var e = lane; e < ${E}u; e += ${lanes}u) { counts[b * ${E}u + e] = atomicLoad(&histogram[e]); }
}`,
  }),
);

/**
 * counts [blocks, E] -> starts [blocks, E]: the row where each block's slots of each expert begin; load [E], offsets
 * [E + 1]. One workgroup; lane l owns experts l, l + lanes, ..
 */
export const scanBlocksWgsl: (params: Omit<PlanParams, "block">) => Kernel = cachedTemplate(
  ({ lanes, E }: Omit<PlanParams, "block">) =>
    defineKernel({
      label: `planDispatch scan E=${E} lanes=${lanes}`,
      uniforms: { blocks: "u32" },
      reads: { counts: "u32" },
      writes: { starts: "u32", load: "u32", offsets: "u32" },
      body: `
var<workgroup> first: array<u32, ${E + 1}>; // rows of all smaller experts
@compute @workgroup_size(${lanes})
fn main(@builtin(local_invocation_index) lane: u32) {
  for (var e = lane; e < ${E}u; e += ${lanes}u) {
    var total = 0u;
    for (var b = 0u; b < u.blocks; b++) { total += counts[b * ${E}u + e]; }
    load[e] = total;
    first[e + 1u] = total;
  }
  workgroupBarrier();
  if (lane == 0u) {
    first[0] = 0u;
    for (var e = 1u; e <= ${E}u; e++) { first[e] += first[e - 1u]; }
  }
  workgroupBarrier();
  for (var e = lane; e <= ${E}u; e += ${lanes}u) {
    offsets[e] = first[e];
    if (e == ${E}u) { continue; }
    var row = first[e];
    for (var b = 0u; b < u.blocks; b++) {
      starts[b * ${E}u + e] = row;
      row += counts[b * ${E}u + e];
    }
  }
}`,
    }),
);

/** indices [R], starts [blocks, E] -> position [R]: row of each slot; source [R]: token of each row. */
export const placeSlotsWgsl: (params: PlanParams) => Kernel = cachedTemplate(({ lanes, block, E }: PlanParams) =>
  defineKernel({
    label: `planDispatch place E=${E} block=${block} lanes=${lanes}`,
    uniforms: { R: "u32", K: "u32", blocks: "u32" },
    reads: { indices: "u32", starts: "u32" },
    writes: { position: "u32", source: "u32" },
    body: `
${FLAT_INDEX}
var<workgroup> experts: array<u32, ${block}>;
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let b = flatGroup(group, groups);
  if (b >= u.blocks) { return; }
  let size = min(${block}u, u.R - b * ${block}u);
  for (var i = lane; i < size; i += ${lanes}u) { experts[i] = indices[b * ${block}u + i]; }
  workgroupBarrier();
  for (var i = lane; i < size; i += ${lanes}u) {
    let e = experts[i];
    var row = starts[b * ${E}u + e];
    for (var j = 0u; j < i; j++) { row += select(0u, 1u, experts[j] == e); }
    let slot = b * ${block}u + i;
    position[slot] = row;
    source[row] = slot / u.K;
  }
}`,
  }),
);

/** Compile-time choices of the kernel that plans alone. */
export interface PlanAloneParams {
  readonly lanes: number;
  readonly E: number;
  /** The load is also added to `total`. */
  readonly counts: boolean;
}

/**
 * The whole plan in one workgroup, for few slots on a software adapter: lane l takes a run of consecutive slots, counts its
 * experts, and after a scan over lanes and experts places its slots, so that rows stay in the order of slots.
 *
 * indices [R] -> load [E], offsets [E + 1], position [R], source [R]; with `counts` total [E] += load.
 */
export const planAloneWgsl: (params: PlanAloneParams) => Kernel = cachedTemplate(
  ({ lanes, E, counts }: PlanAloneParams) =>
    defineKernel({
      label: `planDispatch alone E=${E} lanes=${lanes}${counts ? " counts" : ""}`,
      uniforms: { R: "u32", K: "u32", addsLoad: "u32" },
      reads: { indices: "u32" },
      writes: {
        load: "u32",
        offsets: "u32",
        position: "u32",
        source: "u32",
        ...(counts ? { total: "u32" as const } : {}),
      },
      body: `
var<workgroup> next: array<u32, ${lanes * E}>; // next[l E + e]: count, then next row of lane l's slots of expert e
var<workgroup> first: array<u32, ${E + 1}>; // rows of all smaller experts
@compute @workgroup_size(${lanes})
fn main(@builtin(local_invocation_index) lane: u32) {
  let perLane = (u.R + ${lanes - 1}u) / ${lanes}u;
  let start = min(lane * perLane, u.R);
  let end = min(start + perLane, u.R);
  let own = lane * ${E}u;
  for (var e = 0u; e < ${E}u; e++) { next[own + e] = 0u; }
  for (var i = start; i < end; i++) { next[own + indices[i]] += 1u; }
  workgroupBarrier();
  for (var e = lane; e < ${E}u; e += ${lanes}u) {
    var sum = 0u;
    for (var l = 0u; l < ${lanes}u; l++) {
      let count = next[l * ${E}u + e];
      next[l * ${E}u + e] = sum;
      sum += count;
    }
    load[e] = sum;
    ${counts ? "if (u.addsLoad == 1u) { total[e] += sum; }" : ""}
    first[e + 1u] = sum;
  }
  workgroupBarrier();
  if (lane == 0u) {
    first[0] = 0u;
    for (var e = 1u; e <= ${E}u; e++) { first[e] += first[e - 1u]; }
  }
  workgroupBarrier();
  for (var e = lane; e <= ${E}u; e += ${lanes}u) { offsets[e] = first[e]; }
  for (var i = start; i < end; i++) {
    let e = indices[i];
    let row = first[e] + next[own + e];
    next[own + e] += 1u;
    position[i] = row;
    source[row] = i / u.K;
  }
}`,
    }),
);
