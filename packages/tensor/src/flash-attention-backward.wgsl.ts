import {
  type FlashSoftwareParams,
  firstKey,
  flashSoftwareKernel,
  resumeRow,
  storeRow,
} from "./flash-attention-software.ts";
import {
  dotStage,
  fillByDims,
  fillByRows,
  loadRow,
  outerStage,
  repeat,
  tileRows,
  vectors,
} from "./flash-attention-tile.ts";
import type { Kernel } from "./kernel.ts";

/*
 * Attention backward for software adapters, as two kernels that each recompute the weights: `flashQueryGradSoftware`
 * streams queries past tiles of keys, `flashKeyGradSoftware` streams keys past tiles of queries. Each gradient row
 * belongs to one workgroup, which adds to it in the output buffer tile after tile: no atomics, a fixed order.
 *
 * A query that sees one key gives it the weight 1 whatever its score is: `gain` makes the query's gradient the exact
 * zero it is, where e - delta, two sums of the same terms in different orders, would leave rounding.
 */

/**
 * dq [B, T, N, Dqk] of q, k, v, dOut [B, T, N, Dv] and rowTerms [B, N, T, 2].
 * A workgroup owns `rows` queries of one head.
 */
export function flashQueryGradSoftware(params: FlashSoftwareParams): Kernel {
  return flashSoftwareKernel("flashQueryGrad", params, {
    reads: { dOut: "f32", rowTerms: "f32" },
    writes: { dq: "f32" },
    declarations: `
var<private> kTile: array<f32, ${params.headDimQk * params.perLane}>;
var<private> vTile: array<f32, ${params.headDimV * params.perLane}>;
var<private> kRows: array<f32, ${tileRows(params) * vectors(params, params.headDimQk)}>;`,
    body: queryGradBody(params),
  });
}

/**
 * dk [B, S, N, Dqk] and dv [B, S, N, Dv] of the same operands. A workgroup owns `rows` keys of one head.
 */
export function flashKeyGradSoftware(params: FlashSoftwareParams): Kernel {
  return flashSoftwareKernel("flashKeyGrad", params, {
    reads: { dOut: "f32", rowTerms: "f32" },
    writes: { dk: "f32", dv: "f32" },
    declarations: `
var<private> qTile: array<f32, ${params.headDimQk * params.perLane}>;
var<private> gTile: array<f32, ${params.headDimV * params.perLane}>;
var<private> qRows: array<f32, ${tileRows(params) * vectors(params, params.headDimQk)}>;
var<private> gRows: array<f32, ${tileRows(params) * vectors(params, params.headDimV)}>;`,
    body: keyGradBody(params),
  });
}

function queryGradBody(params: FlashSoftwareParams): string {
  const { lanes, perLane, headDimQk, headDimV } = params;
  const tile = tileRows(params);
  const start = (t: string): string => firstKey(params, t);
  const visible = (group: number): string => `key0 + ${group * lanes}u <= last`;
  const keyPanel = { buffer: "k", base: "kBase", stride: "strideQk", first: "key0", count: "u.S" };
  const valuePanel = { buffer: "v", base: "vBase", stride: "strideV", first: "key0", count: "u.S" };
  return `
let row0 = (groups.x - 1u - group.x) * u.rows; // the longest rows first
let row1 = min(row0 + u.rows, u.T);
let end = min(row1 + u.keyOffset, u.S);
for (var key0 = ${start("row0")}; key0 < end; key0 += ${tile}u) {
${fillByRows(params, { ...keyPanel, panel: "kTile", size: "u.Dqk" })}
${fillByRows(params, { ...valuePanel, panel: "vTile", size: "u.Dv" })}
${fillByDims(params, { ...keyPanel, panel: "kRows", dims: headDimQk })}
for (var t = max(row0 + u.keyOffset, key0) - u.keyOffset; t < row1; t++) {
let last = min(t + u.keyOffset, u.S - 1u);
let first = ${start("t")};
if (first >= key0 + ${tile}u) { break; }
let qRow = qBase + t * strideQk;
let outRow = outBase + t * strideV;
let lse2 = rowTerms[(pair * u.T + t) * 2u];
let delta = rowTerms[(pair * u.T + t) * 2u + 1u];
let gain = select(u.scale, 0.0, first == last);
${loadRow(params, "q", "q", "qRow", headDimQk)}
${loadRow(params, "g", "dOut", "outRow", headDimV)}
${resumeRow(params, [{ name: "a", buffer: "dq", base: "qRow", size: headDimQk }], "key0 > first")}
${dotStage(params, { sums: "s", row: "q", panel: "kTile", size: headDimQk, groups: visible })}
${dotStage(params, { sums: "e", row: "g", panel: "vTile", size: headDimV, groups: visible })}
${repeat(perLane, (j) => `s${j} = exp2(s${j} * scale2 - lse2) * (e${j} - delta) * gain;`)}
if (key0 + ${tile - 1}u > last || key0 < first) {
${repeat(perLane, (j) => `{ let key = key0 + ${j * lanes}u + lane; s${j} = select(0.0, s${j}, key >= first && key <= last); }`)}
}
${outerStage(params, { sums: "a", weights: "s", panel: "kRows", size: headDimQk, group: visible })}
${storeRow(params, "a", "dq", "qRow", headDimQk)}
}
}`;
}

function keyGradBody(params: FlashSoftwareParams): string {
  const { lanes, perLane, headDimQk, headDimV, documents } = params;
  const tile = tileRows(params);
  const queryPanel = { buffer: "q", base: "qBase", stride: "strideQk", first: "t0", count: "u.T" };
  const gradPanel = { buffer: "dOut", base: "outBase", stride: "strideV", first: "t0", count: "u.T" };
  // The last query of a group is the first to see a key.
  const sees = (group: number): string => `t0 + ${(group + 1) * lanes - 1}u + u.keyOffset >= s`;
  const visible = (j: number): string =>
    `query${j} < u.T && query${j} + u.keyOffset >= s${documents ? ` && first${j} <= s` : ""}`;
  // An older tile has added to the key's row when this is not the first tile and its first query is past the key.
  const resumed = "t0 > begin && s < t0 + u.keyOffset";
  return `
let row0 = group.x * u.rows; // the first keys have the most queries
let row1 = min(row0 + u.rows, u.S);
let begin = max(row0, u.keyOffset) - u.keyOffset;
for (var t0 = begin; t0 < u.T; t0 += ${tile}u) {
var firstKey = row0;
if (t0 > 0u) {
let first = ${firstKey(params, "t0")};
if (first >= row1) { break; }
firstKey = max(row0, first);
}
${fillByRows(params, { ...queryPanel, panel: "qTile", size: "u.Dqk" })}
${fillByRows(params, { ...gradPanel, panel: "gTile", size: "u.Dv" })}
${fillByDims(params, { ...queryPanel, panel: "qRows", dims: headDimQk })}
${fillByDims(params, { ...gradPanel, panel: "gRows", dims: headDimV })}
${repeat(
  perLane,
  (j) => `let query${j} = t0 + ${j * lanes}u + lane;
let term${j} = (pair * u.T + min(query${j}, u.T - 1u)) * 2u;
let lse${j} = rowTerms[term${j}];
let delta${j} = rowTerms[term${j} + 1u];
${documents ? `let first${j} = documentStart[b * u.T + min(query${j}, u.T - 1u)];` : ""}`,
)}
let endKey = min(row1, t0 + ${tile}u + u.keyOffset);
for (var s = firstKey; s < endKey; s++) {
let kRow = kBase + s * strideQk;
let vRow = vBase + s * strideV;
${loadRow(params, "k", "k", "kRow", headDimQk)}
${loadRow(params, "v", "v", "vRow", headDimV)}
${resumeRow(
  params,
  [
    { name: "a", buffer: "dk", base: "kRow", size: headDimQk },
    { name: "c", buffer: "dv", base: "vRow", size: headDimV },
  ],
  resumed,
)}
${dotStage(params, { sums: "z", row: "k", panel: "qTile", size: headDimQk, groups: (_, to) => sees(to) })}
${dotStage(params, { sums: "e", row: "v", panel: "gTile", size: headDimV, groups: (_, to) => sees(to) })}
${repeat(perLane, (j) => `var p${j} = exp2(z${j} * scale2 - lse${j});`)}
if (t0 + u.keyOffset < s || t0 + ${tile}u > u.T${documents ? ` || documentStart[b * u.T + min(t0 + ${tile - 1}u, u.T - 1u)] > s` : ""}) {
${repeat(perLane, (j) => `p${j} = select(0.0, p${j}, ${visible(j)});`)}
}
${repeat(perLane, (j) => `let d${j} = p${j} * (e${j} - delta${j}) * u.scale;`)}
${outerStage(params, { sums: "c", weights: "p", panel: "gRows", size: headDimV, group: sees })}
${outerStage(params, { sums: "a", weights: "d", panel: "qRows", size: headDimQk, group: sees })}
${storeRow(params, "a", "dk", "kRow", headDimQk)}
${storeRow(params, "c", "dv", "vRow", headDimV)}
}
}
// Keys past the last query's reach.
for (var s = max(row0, u.T + u.keyOffset); s < row1; s++) {
for (var d = lane; d < u.Dqk; d += ${lanes}u) { dk[kBase + s * strideQk + d] = 0.0; }
for (var d = lane; d < u.Dv; d += ${lanes}u) { dv[vBase + s * strideV + d] = 0.0; }
}`;
}
