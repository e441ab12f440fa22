/*
 * One scale for a whole tensor, from the scales of its tiles: the largest of them, for a scale grows with the largest
 * magnitude of its tile. As bits, in which NaN is larger than all numbers.
 */
import { cachedTemplate, defineKernel, FLAT_INDEX, type Kernel, type Team, teamFeatures } from "@ds3/tensor";
import { CODE_LAYOUTS } from "./codes.wgsl.ts";
import {
  type EncodeParams,
  encodeFourWgsl,
  encodeLabel,
  loadWgsl,
  storeUnit,
  teamLabel,
  tileMaxWgsl,
} from "./tiles.wgsl.ts";

/** Compile-time choices. */
export interface SpreadLargestParams {
  readonly team: Team;
  /** Rows behind the last expert's do not count. */
  readonly grouped: boolean;
}

/**
 * `scales` [u.size] all become the largest of `tileScales` [u.rows, u.across], bits to bits. With `grouped` those of rows before
 * offsets[u.E]. One workgroup.
 */
export const spreadLargestWgsl: (params: SpreadLargestParams) => Kernel = cachedTemplate(
  ({ team, grouped }: SpreadLargestParams) =>
    defineKernel({
      label: `fp8 spread largest scale ${teamLabel(team)}${grouped ? " grouped" : ""}`,
      uniforms: { rows: "u32", across: "u32", size: "u32", least: "f32", ...(grouped ? { E: "u32" } : {}) },
      reads: { tileScales: "u32", ...(grouped ? { offsets: "u32" } : {}) },
      writes: { scales: "u32" },
      enable: teamFeatures(team),
      body: `${tileMaxWgsl(team, team.size)}
@compute @workgroup_size(${team.size})
fn main(@builtin(local_invocation_index) lane: u32) {
  let tiles = u.across * ${grouped ? "min(offsets[u.E], u.rows)" : "u.rows"};
  var largest = bitcast<u32>(u.least); // of a tile of zeros: there may be no row
  for (var i = lane; i < tiles; i += ${team.size}u) { largest = max(largest, tileScales[i]); }
  largest = tileMax(largest, lane);
  for (var i = lane; i < u.size; i += ${team.size}u) { scales[i] = largest; }
}`,
    }),
);

/** What the template needs: no team, each invocation writes whole units. */
export interface EncodeScaledParams extends EncodeParams {
  /** Invocations per workgroup. */
  readonly lanes: number;
}

/** Codes of x [rows, columns] under the one scale that fills `scales`. A workgroup takes a row. */
export const encodeScaledWgsl: (params: EncodeScaledParams) => Kernel = cachedTemplate((params: EncodeScaledParams) => {
  const { format, lanes, vectors } = params;
  const quads = CODE_LAYOUTS[format].codes / 4;
  const loads = Array.from(
    { length: quads },
    (_, j) => `let c${j} = encode1(four(row, unit * ${quads}u + ${j}u), amax, scale);`,
  );
  return defineKernel({
    label: `fp8 encode scaled ${encodeLabel(params)} lanes=${lanes}`,
    uniforms: { rows: "u32", columns: "u32", units: "u32" },
    reads: { x: vectors ? "vec4u" : "u32", scales: "u32" },
    writes: { codes: "u32" },
    body: `${loadWgsl(vectors)}${encodeFourWgsl(params)}
${FLAT_INDEX}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let row = flatGroup(group, groups);
  if (row >= u.rows) { return; }
  let scale = scales[0];
  // A scale of NaN: some element is not finite, as the largest magnitude would say.
  let amax = select(0u, 0x7f800000u, scale >= 0x7f800000u);
  for (var unit = lane; unit < u.units; unit += ${lanes}u) {
    ${loads.join("\n    ")}
    let at = (row * u.units + unit) * ${CODE_LAYOUTS[format].words}u;
    ${storeUnit(format, "at")}
  }
}`,
  });
});
