import { defineKernel, type Kernel, type KernelSource } from "./kernel.ts";

/**
 * Attention kernels without subgroups, within WebGPU's default limits: one invocation owns one row (a query, or a key
 * in `flashKeyGradPortable`) and keeps it and its sums in private arrays; the workgroup stages tiles of the rows that
 * stream past in workgroup memory. Operands, uniforms and grids are those of the kernels for software adapters.
 */
export interface FlashPortableParams {
  /** Head size of queries and keys, and of values: at most 512 in sum, so that 8 rows fit in 16 KiB. */
  readonly headDimQk: number;
  readonly headDimV: number;
  /** With a `documentStart` operand. */
  readonly documents: boolean;
  /** Rows of a workgroup, one an invocation. */
  readonly workgroupSize: number;
}

/** WebGPU's default limit is 16 KiB of workgroup memory; 64 words are left for the statistics of the staged rows. */
const STAGED_WORDS = 4096 - 64;
const MAX_STAGED_ROWS = 32;

/** Rows staged at a time: as many as fit, at most 32. */
function stagedRows({ headDimQk, headDimV }: FlashPortableParams): number {
  return Math.max(1, Math.min(MAX_STAGED_ROWS, Math.floor(STAGED_WORDS / (headDimQk + headDimV))));
}

/**
 * out [B, T, N, Dv] and lse [B, N, T] of q [B, T, N, Dqk], k [B, S, N, Dqk], v [B, S, N, Dv] by an online softmax over
 * tiles of keys.
 */
export function flashForwardPortable(params: FlashPortableParams): Kernel {
  return defineKernel({
    ...shared("flashForward", params, []),
    writes: { out: "f32", lse: "f32" },
    body: forwardBody(params),
  });
}

/** dq [B, T, N, Dqk] of q, k, v, dOut and rowTerms. */
export function flashQueryGradPortable(params: FlashPortableParams): Kernel {
  return defineKernel({
    ...shared("flashQueryGrad", params, ["dOut", "rowTerms"]),
    writes: { dq: "f32" },
    body: queryGradBody(params),
  });
}

/** dk [B, S, N, Dqk] and dv [B, S, N, Dv] of q, k, v, dOut and rowTerms. */
export function flashKeyGradPortable(params: FlashPortableParams): Kernel {
  return defineKernel({
    ...shared("flashKeyGrad", params, ["dOut", "rowTerms"]),
    writes: { dk: "f32", dv: "f32" },
    body: keyGradBody(params),
  });
}

function shared(
  op: string,
  { headDimQk, headDimV, documents, workgroupSize }: FlashPortableParams,
  more: readonly string[],
): Omit<KernelSource, "writes" | "body"> {
  return {
    label: `${op} portable workgroup=${workgroupSize} qk=${headDimQk} v=${headDimV}${documents ? " documents" : ""}`,
    uniforms: { B: "u32", T: "u32", S: "u32", N: "u32", keyOffset: "u32", scale: "f32" },
    reads: {
      q: "f32",
      k: "f32",
      v: "f32",
      ...Object.fromEntries(more.map((name) => [name, "f32" as const])),
      ...(documents ? { documentStart: "u32" as const } : {}),
    },
  };
}

/** Staging arrays, signature, and offsets of the head's first row in every operand. */
function prologue(params: FlashPortableParams, count: "T" | "S"): string {
  const { headDimQk, headDimV, workgroupSize } = params;
  const rows = stagedRows(params);
  return `
const LOG2E = 1.4426950408889634;
const MASKED = -1e30;
var<workgroup> stagedQk: array<f32, ${rows * headDimQk}>;
var<workgroup> stagedV: array<f32, ${rows * headDimV}>;
@compute @workgroup_size(${workgroupSize})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_id) local: vec3u) {
let pair = group.y + group.z * groups.y;
if (pair >= u.B * u.N) { return; }
let b = pair / u.N;
let n = pair % u.N;
let strideQk = u.N * ${headDimQk}u;
let strideV = u.N * ${headDimV}u;
let qBase = b * u.T * strideQk + n * ${headDimQk}u;
let kBase = b * u.S * strideQk + n * ${headDimQk}u;
let vBase = b * u.S * strideV + n * ${headDimV}u;
let outBase = b * u.T * strideV + n * ${headDimV}u;
let termBase = pair * u.T;
let scale2 = u.scale * LOG2E;
let row0 = group.x * ${workgroupSize}u;
let row1 = min(row0 + ${workgroupSize}u, u.${count});
let mine = row0 + local.x;
let owns = mine < row1;
let row = min(mine, row1 - 1u);`;
}

/** Copies `count` rows from `first` of `buffer` to a staging array. */
function stage(params: FlashPortableParams, array: string, buffer: string, base: string, size: number): string {
  const stride = array === "stagedQk" ? "strideQk" : "strideV";
  return `for (var i = local.x; i < count * ${size}u; i += ${params.workgroupSize}u) {
${array}[i] = ${buffer}[${base} + (first + i / ${size}u) * ${stride} + i % ${size}u];
}`;
}

/** The invocation's own row as a private array. */
function own(name: string, buffer: string, base: string, size: number): string {
  return `var ${name}: array<f32, ${size}>;
for (var d = 0u; d < ${size}u; d++) { ${name}[d] = ${buffer}[${base} + d]; }`;
}

function store(name: string, buffer: string, base: string, size: number, value = `${name}[d]`): string {
  return `for (var d = 0u; d < ${size}u; d++) { ${buffer}[${base} + d] = ${value}; }`;
}

/** Loop over the staged tiles of the keys that any query of the workgroup sees; `perKey` runs for each of them. */
function overKeys(params: FlashPortableParams, perKey: string): string {
  const { headDimQk, headDimV, documents } = params;
  const rows = stagedRows(params);
  const start = (t: string): string => (documents ? `documentStart[b * u.T + ${t}]` : "0u");
  return `
let end = min(row1 + u.keyOffset, u.S);
let myFirst = ${start("row")};
let myLast = min(row + u.keyOffset, u.S - 1u);
for (var first = ${start("row0")}; first < end; first += ${rows}u) {
let count = min(${rows}u, end - first);
${stage(params, "stagedQk", "k", "kBase", headDimQk)}
${stage(params, "stagedV", "v", "vBase", headDimV)}
workgroupBarrier();
for (var i = 0u; i < count; i++) {
let key = first + i;
if (key >= myFirst && key <= myLast) {
${perKey}
}
}
workgroupBarrier();
}`;
}

function forwardBody(params: FlashPortableParams): string {
  const { headDimQk, headDimV } = params;
  return `${prologue(params, "T")}
${own("query", "q", "qBase + row * strideQk", headDimQk)}
var sums: array<f32, ${headDimV}>;
var m = MASKED;
var sum = 0.0;
${overKeys(
  params,
  `var score = 0.0;
for (var d = 0u; d < ${headDimQk}u; d++) { score += query[d] * stagedQk[i * ${headDimQk}u + d]; }
score *= scale2;
if (score > m) {
let keep = exp2(m - score);
m = score;
sum *= keep;
for (var d = 0u; d < ${headDimV}u; d++) { sums[d] *= keep; }
}
let p = exp2(score - m);
sum += p;
for (var d = 0u; d < ${headDimV}u; d++) { sums[d] += p * stagedV[i * ${headDimV}u + d]; }`,
)}
if (owns) {
${store("sums", "out", "outBase + row * strideV", headDimV, "sums[d] / sum")}
lse[termBase + row] = (m + log2(sum)) / LOG2E;
}
}`;
}

function queryGradBody(params: FlashPortableParams): string {
  const { headDimQk, headDimV, documents } = params;
  return `${prologue(params, "T")}
${own("query", "q", "qBase + row * strideQk", headDimQk)}
${own("grad", "dOut", "outBase + row * strideV", headDimV)}
var sums: array<f32, ${headDimQk}>;
let lse2 = rowTerms[(termBase + row) * 2u];
let delta = rowTerms[(termBase + row) * 2u + 1u];
// One visible key: its weight is 1 whatever the query is, and the gradient exactly zero.
let gain = select(u.scale, 0.0, ${documents ? "documentStart[b * u.T + row]" : "0u"} == min(row + u.keyOffset, u.S - 1u));
${overKeys(
  params,
  `var score = 0.0;
for (var d = 0u; d < ${headDimQk}u; d++) { score += query[d] * stagedQk[i * ${headDimQk}u + d]; }
var dP = 0.0;
for (var d = 0u; d < ${headDimV}u; d++) { dP += grad[d] * stagedV[i * ${headDimV}u + d]; }
let dScore = exp2(score * scale2 - lse2) * (dP - delta) * gain;
for (var d = 0u; d < ${headDimQk}u; d++) { sums[d] += dScore * stagedQk[i * ${headDimQk}u + d]; }`,
)}
if (owns) {
${store("sums", "dq", "qBase + row * strideQk", headDimQk)}
}
}`;
}

function keyGradBody(params: FlashPortableParams): string {
  const { headDimQk, headDimV, documents } = params;
  const rows = stagedRows(params);
  return `var<workgroup> stagedTerms: array<f32, ${rows * 2}>;
${prologue(params, "S")}
${own("key", "k", "kBase + row * strideQk", headDimQk)}
${own("value", "v", "vBase + row * strideV", headDimV)}
var keySums: array<f32, ${headDimQk}>;
var valueSums: array<f32, ${headDimV}>;
for (var first = max(row0, u.keyOffset) - u.keyOffset; first < u.T; first += ${rows}u) {
${documents ? "if (documentStart[b * u.T + first] >= row1) { break; }" : ""}
let count = min(${rows}u, u.T - first);
${stage(params, "stagedQk", "q", "qBase", headDimQk)}
${stage(params, "stagedV", "dOut", "outBase", headDimV)}
for (var i = local.x; i < count * 2u; i += ${params.workgroupSize}u) {
stagedTerms[i] = rowTerms[(termBase + first) * 2u + i];
}
workgroupBarrier();
for (var i = 0u; i < count; i++) {
let t = first + i;
if (t + u.keyOffset >= row${documents ? " && documentStart[b * u.T + t] <= row" : ""}) {
var score = 0.0;
for (var d = 0u; d < ${headDimQk}u; d++) { score += key[d] * stagedQk[i * ${headDimQk}u + d]; }
var dP = 0.0;
for (var d = 0u; d < ${headDimV}u; d++) { dP += value[d] * stagedV[i * ${headDimV}u + d]; }
let p = exp2(score * scale2 - stagedTerms[i * 2u]);
let dScore = p * (dP - stagedTerms[i * 2u + 1u]) * u.scale;
for (var d = 0u; d < ${headDimV}u; d++) { valueSums[d] += p * stagedV[i * ${headDimV}u + d]; }
for (var d = 0u; d < ${headDimQk}u; d++) { keySums[d] += dScore * stagedQk[i * ${headDimQk}u + d]; }
}
}
workgroupBarrier();
}
if (owns) {
${store("keySums", "dk", "kBase + row * strideQk", headDimQk)}
${store("valueSums", "dv", "vBase + row * strideV", headDimV)}
}
}`;
}
