/*
 * Quantising to row tiles (1 x 128) and blocks (128 x 128): x [rows, columns] to codes and scales.
 *
 * The smallest piece that fills whole words is a unit: 4 codes in a word, e5m6 8 codes in 3 words. A tile's row is 32 (16)
 * units, shared by P lanes, n units each, strided so that neighbouring lanes load neighbouring addresses.
 */
import { TILE } from "@ds3/fp8-codec";
import { cachedTemplate, defineKernel, FLAT_INDEX, type Kernel, type Team, teamFeatures } from "@ds3/tensor";
import { CODE_LAYOUTS } from "./codes.wgsl.ts";
import {
  type EncodeParams,
  encodeFourWgsl,
  encodeLabel,
  LARGEST,
  loadWgsl,
  scaleWgsl,
  storeUnit,
  teamLabel,
  tileMaxWgsl,
} from "./tiles.wgsl.ts";

/** Compile-time choices of both kernels. */
export interface QuantizeParams extends EncodeParams {
  readonly team: Team;
}

/** How a team's lanes share a tile's rows. */
interface Sharing {
  /** Units of a tile's row. */
  readonly units: number;
  /** Lanes side by side along it. */
  readonly P: number;
  /** Units a lane. */
  readonly n: number;
  /** Vectors of four codes in a unit. */
  readonly quads: number;
}

function sharing({ format, team }: QuantizeParams): Sharing {
  const { codes } = CODE_LAYOUTS[format];
  const units = TILE / codes;
  const P = Math.min(team.size, units);
  return { units, P, n: units / P, quads: codes / 4 };
}

function declarations(params: QuantizeParams, width: number): string {
  const { format, scales, vectors, team } = params;
  const parts = [loadWgsl(vectors), LARGEST, scaleWgsl(format, scales), encodeFourWgsl(params)];
  return [...parts, tileMaxWgsl(team, width)].join("");
}

/** Loads a lane's units of a row as v0, v1, ... and takes their largest magnitude into `amax`. */
function loadUnits({ P, n, quads }: Sharing): string {
  const loads = range(n).flatMap((i) =>
    range(quads).map((j) => `let v${i * quads + j} = four(row, (unit + ${i * P}u) * ${quads}u + ${j}u);`),
  );
  const maxima = range(n * quads).map((i) => `amax = max(amax, largest(v${i}));`);
  return [...loads, ...maxima].join("\n");
}

/** Encodes v0, v1, ... and writes their words. `row` counts over the whole batch. */
function storeUnits(format: EncodeParams["format"], { P, n, quads }: Sharing): string {
  const { words } = CODE_LAYOUTS[format];
  const store = (i: number): string => `if (unit + ${i * P}u < u.units) {
${range(quads)
  .map((j) => `let c${j} = encode1(v${i * quads + j}, amax, scale);`)
  .join("\n")}
let at = (row * u.units + unit + ${i * P}u) * ${words}u;
${storeUnit(format, "at")}
}`;
  return range(n).map(store).join("\n");
}

/**
 * Row tiles. x [rows, columns] -> codes [rows, units words a unit], scales [rows, tiles] as bits. A workgroup takes
 * `rowsPerGroup` rows, team.size / P tiles at once; a tile is loaded once and stays in registers.
 */
export const quantizeRowsWgsl: (params: QuantizeParams) => Kernel = cachedTemplate((params: QuantizeParams) => {
  const { team, format, vectors } = params;
  const shared = sharing(params);
  const { units, P } = shared;
  return defineKernel({
    label: `fp8 quantize row ${encodeLabel(params)} ${teamLabel(team)}`,
    uniforms: { rows: "u32", columns: "u32", units: "u32", tiles: "u32", rowsPerGroup: "u32", floor: "f32" },
    reads: { x: vectors ? "vec4u" : "u32" },
    writes: { codes: "u32", scales: "u32" },
    enable: teamFeatures(team),
    body: `${declarations(params, P)}
${FLAT_INDEX}
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let firstRow = flatGroup(group, groups) * u.rowsPerGroup;
  let endRow = min(firstRow + u.rowsPerGroup, u.rows);
  for (var row = firstRow; row < endRow; row++) {
    for (var first = 0u; first < u.tiles; first += ${team.size / P}u) {
      let tile = first + lane / ${P}u;
      let unit = tile * ${units}u + lane % ${P}u;
      var amax = 0u;
      ${loadUnits(shared)}
      amax = tileMax(amax, lane);
      let scale = tileScale(amax);
      if (lane % ${P}u == 0u && tile < u.tiles) { scales[row * u.tiles + tile] = scale; }
      ${storeUnits(format, shared)}
    }
  }
}`,
  });
});

/**
 * Blocks. x [batch rows, columns] -> codes [batch rows, units words a unit], scales [batch, blockRows, tiles] as bits. A
 * workgroup takes one block, team.size / P rows at once, and reads it twice.
 */
export const quantizeBlocksWgsl: (params: QuantizeParams) => Kernel = cachedTemplate((params: QuantizeParams) => {
  const { team, format, vectors } = params;
  const shared = sharing(params);
  const { units, P } = shared;
  const eachRow = (body: string): string => `for (var row = first + lane / ${P}u; row < end; row += ${team.size / P}u) {
    ${body}
  }`;
  return defineKernel({
    label: `fp8 quantize block ${encodeLabel(params)} ${teamLabel(team)}`,
    uniforms: { rows: "u32", columns: "u32", units: "u32", tiles: "u32", floor: "f32" },
    reads: { x: vectors ? "vec4u" : "u32" },
    writes: { codes: "u32", scales: "u32" },
    enable: teamFeatures(team),
    body: `${declarations(params, team.size)}
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) block: vec3u, @builtin(num_workgroups) blocks: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let first = block.z * u.rows + block.y * ${TILE}u;
  let end = min(first + ${TILE}u, (block.z + 1u) * u.rows);
  let unit = block.x * ${units}u + lane % ${P}u;
  var amax = 0u;
  ${eachRow(loadUnits(shared))}
  amax = tileMax(amax, lane);
  let scale = tileScale(amax);
  if (lane == 0u && block.x < u.tiles) { scales[(block.z * blocks.y + block.y) * u.tiles + block.x] = scale; }
  ${eachRow(`${loadUnits(shared).replace(/^amax.*$/gm, "")}
    ${storeUnits(format, shared)}`)}
}`,
  });
});

function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
