/** WebGPU's limit on workgroups along one dimension. */
export const MAX_GROUPS = 65_535;

/** A grid of at least ceil(items / itemsPerGroup) workgroups, two-dimensional when one dimension is not enough. */
export function flatGrid(items: number, itemsPerGroup: number): [number, number, number] {
  const groups = Math.ceil(items / itemsPerGroup);
  if (groups <= MAX_GROUPS) return [groups, 1, 1];
  const rows = Math.ceil(groups / MAX_GROUPS);
  return [Math.ceil(groups / rows), rows, 1];
}

/** WGSL: the index of a workgroup in a `flatGrid`. Kernels guard the surplus of the last row. */
export const FLAT_INDEX = `
fn flatGroup(group: vec3u, groups: vec3u) -> u32 { return group.x + group.y * groups.x; }`;
