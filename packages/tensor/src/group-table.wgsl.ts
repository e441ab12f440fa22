import { defineKernel, type Kernel } from "./kernel.ts";

/**
 * Tile table of a grouped product, built on the GPU so that nothing waits for the routing counts.
 *
 * offsets [E + 1] u32: expert e owns rows [offsets[e], offsets[e + 1]) of the sorted rows. tiles [ceil(R / tileRows) + E]
 * vec4u: (expert, first row, end row, 0), experts in order, tiles of `tileRows` rows, an expert's last one shorter; the
 * surplus is (0, 0, 0, 0), an empty range. One invocation per tile. R is the capacity: rows from R on do not exist.
 * Cost: O(E) per tile.
 */
export function groupTableWgsl(): Kernel {
  return defineKernel({
    label: "matmul group table",
    uniforms: { E: "u32", R: "u32", tileRows: "u32", tileCount: "u32" },
    reads: { offsets: "u32" },
    writes: { tiles: "vec4u" },
    body: `
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= u.tileCount) { return; }
  var entry = vec4u(0u);
  var before = 0u; // tiles of the experts so far
  for (var e = 0u; e < u.E; e++) {
    let begin = min(offsets[e], u.R);
    let end = clamp(offsets[e + 1u], begin, u.R);
    let count = (end - begin + u.tileRows - 1u) / u.tileRows;
    if (id.x >= before && id.x < before + count) {
      let first = begin + (id.x - before) * u.tileRows;
      entry = vec4u(e, first, min(first + u.tileRows, end), 0u);
    }
    before += count;
  }
  tiles[id.x] = entry;
}`,
  });
}
