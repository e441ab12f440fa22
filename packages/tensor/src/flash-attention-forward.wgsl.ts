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
  range,
  reduceLanes,
  repeat,
  tileRows,
  tree,
  vectors,
} from "./flash-attention-tile.ts";
import type { Kernel } from "./kernel.ts";

/**
 * Attention forward for software adapters (FlashAttention's online softmax, one subgroup per workgroup).
 *
 * q [B, T, N, Dqk], k [B, S, N, Dqk], v [B, S, N, Dv], documentStart [B, T] u32; out [B, T, N, Dv], lse [B, N, T].
 * A workgroup owns `rows` queries of one head. For each tile of keys, held in private arrays, it streams its queries:
 * scores, new maximum, weights, and `out` rescaled and added to, in the output buffer itself. The tile that holds a
 * query's last key divides by the sum and writes `lse`. `maxRows` bounds the uniform `rows`.
 */
export function flashForwardSoftware(params: FlashSoftwareParams & { readonly maxRows: number }): Kernel {
  const { perLane, headDimQk, headDimV, maxRows } = params;
  return flashSoftwareKernel("flashForward", params, {
    writes: { out: "f32", lse: "f32" },
    declarations: `
const MASKED = -1e30;
var<private> kTile: array<f32, ${headDimQk * perLane}>;
var<private> vTile: array<f32, ${tileRows(params) * vectors(params, headDimV)}>;
var<private> rowMax: array<f32, ${maxRows}>;
var<private> rowSum: array<f32, ${maxRows}>;`,
    body: forwardBody(params),
  });
}

function forwardBody(params: FlashSoftwareParams): string {
  const { lanes, perLane, headDimQk, headDimV } = params;
  const tile = tileRows(params);
  const outs = vectors(params, headDimV);
  const start = (t: string): string => firstKey(params, t);
  const visible = (group: number): string => `key0 + ${group * lanes}u <= last`;
  return `
let row0 = (groups.x - 1u - group.x) * u.rows; // the longest rows first
let row1 = min(row0 + u.rows, u.T);
let end = min(row1 + u.keyOffset, u.S);
for (var key0 = ${start("row0")}; key0 < end; key0 += ${tile}u) {
${fillByRows(params, { panel: "kTile", buffer: "k", base: "kBase", stride: "strideQk", first: "key0", count: "u.S", size: "u.Dqk" })}
${fillByDims(params, { panel: "vTile", buffer: "v", base: "vBase", stride: "strideV", first: "key0", count: "u.S", dims: headDimV })}
for (var t = max(row0 + u.keyOffset, key0) - u.keyOffset; t < row1; t++) {
let last = min(t + u.keyOffset, u.S - 1u);
let first = ${start("t")};
if (first >= key0 + ${tile}u) { break; }
let qRow = qBase + t * strideQk;
${loadRow(params, "q", "q", "qRow", headDimQk)}
let outRow = outBase + t * strideV;
${resumeRow(params, [{ name: "o", buffer: "out", base: "outRow", size: headDimV }], "key0 > first")}
let slot = t - row0;
var mOld = MASKED;
var sum = 0.0;
if (key0 > first) {
mOld = rowMax[slot];
sum = rowSum[slot];
}
${dotStage(params, { sums: "s", row: "q", panel: "kTile", size: headDimQk, groups: visible })}
${repeat(perLane, (j) => `s${j} *= scale2;`)}
if (key0 + ${tile - 1}u > last || key0 < first) {
${repeat(perLane, (j) => `{ let key = key0 + ${j * lanes}u + lane; s${j} = select(MASKED, s${j}, key >= first && key <= last); }`)}
}
var m = mOld;
${repeat(perLane, (j) => `m = max(m, s${j});`)}
${reduceLanes(params, "m", (a, b) => `max(${a}, ${b})`)}
${repeat(perLane, (j) => `let p${j} = exp2(s${j} - m);`)}
var add = ${tree(range(perLane).map((j) => `p${j}`))};
${reduceLanes(params, "add", (a, b) => `${a} + ${b}`)}
let keep = exp2(mOld - m);
sum = sum * keep + add;
${repeat(outs, (c) => `o${c} *= keep;`)}
${outerStage(params, { sums: "o", weights: "p", panel: "vTile", size: headDimV, group: visible })}
if (last < key0 + ${tile}u) {
let inverse = 1.0 / sum;
${repeat(outs, (c) => `o${c} *= inverse;`)}
if (lane == 0u) { lse[pair * u.T + t] = (m + log2(sum)) / LOG2E; }
} else {
rowMax[slot] = m;
rowSum[slot] = sum;
}
${storeRow(params, "o", "out", "outRow", headDimV)}
}
}`;
}
