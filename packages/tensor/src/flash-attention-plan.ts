/**
 * Which flash attention kernels run for a target and a shape, with their uniforms and grids.
 *
 * The figures behind the choices are in docs/kernels.md, section Flash attention.
 */
import { ConfigError } from "@ds3/errors";
import { flashKeyGradSoftware, flashQueryGradSoftware } from "./flash-attention-backward.wgsl.ts";
import { flashForwardSoftware } from "./flash-attention-forward.wgsl.ts";
import { flashForwardPortable, flashKeyGradPortable, flashQueryGradPortable } from "./flash-attention-portable.wgsl.ts";
import { flashRowTerms } from "./flash-attention-row-terms.wgsl.ts";
import type { FlashTile } from "./flash-attention-tile.ts";
import { flatGrid } from "./grid.ts";
import { cachedTemplate, type Kernel } from "./kernel.ts";
import { type FlashKernel, flashEntry } from "./kernel-request.ts";
import type { KernelPlan } from "./matmul-plan.ts";
import type { KernelTarget } from "./target.ts";

/**
 * Causal attention of T queries on S keys, N heads, a batch of B; all sizes >= 1.
 *
 * The query at t sees the keys up to `t + keyOffset` (0 in training, S - T when older keys are cached), and with
 * `documents` none before `documentStart[t]`. Documents are contiguous runs: `documentStart` does not decrease within
 * a batch entry, and `documentStart[t] <= t + keyOffset`.
 */
export interface FlashShape {
  readonly B: number;
  readonly T: number;
  readonly S: number;
  readonly N: number;
  readonly headDimQk: number;
  readonly headDimV: number;
  /** Factor of the scores. */
  readonly scale: number;
  readonly keyOffset: number;
  /** Whether there is an operand `documentStart` [B, T] u32. */
  readonly documents: boolean;
}

/** Kernels by their parameters: a text takes milliseconds to write, and is asked for by every layer of every step. */
const texts = {
  forwardPortable: cachedTemplate(flashForwardPortable),
  queryGradPortable: cachedTemplate(flashQueryGradPortable),
  keyGradPortable: cachedTemplate(flashKeyGradPortable),
  forwardSoftware: cachedTemplate(flashForwardSoftware),
  queryGradSoftware: cachedTemplate(flashQueryGradSoftware),
  keyGradSoftware: cachedTemplate(flashKeyGradSoftware),
  rowTerms: cachedTemplate(flashRowTerms),
};

/** Rows of a workgroup at most, on a software adapter: each keeps a maximum and a sum in private arrays. */
const MAX_ROWS = 256;
/** Fewer rows a workgroup load the tiles too often. */
const MIN_ROWS = 32;
/** Workgroups that keep a few cores busy to the end. */
const WORKGROUPS = 16;
/** Multiply-adds in a kernel's unrolled code at most: the compile time grows faster than them. */
const UNROLLED = 1280;
/** Invocations of a portable workgroup. */
const WORKGROUP_SIZE = 64;
/** Words that a row of both operands may have, so that one fits in WebGPU's default workgroup memory. */
const MAX_HEAD_DIMS = 4032;

/**
 * Forward. Binds q [B, T, N, Dqk], k [B, S, N, Dqk], v [B, S, N, Dv], `documentStart` [B, T] u32 (with `documents`);
 * writes out [B, T, N, Dv] and lse [B, N, T], the natural log-sum-exp of the scaled scores. All f32.
 *
 * @throws ConfigError when a size is not a whole number >= 1, or the head sizes are too large for one kernel.
 */
export function planFlashForward(target: KernelTarget, shape: FlashShape): KernelPlan {
  checkShape(shape);
  const { T } = shape;
  const tile = tileOf(target, "flash-forward", shape);
  if (!tile) return portablePlan(texts.forwardPortable(portableParams(shape)), shape, T);
  const kernel = texts.forwardSoftware({ ...tile, documents: shape.documents, maxRows: MAX_ROWS });
  return softwarePlan(kernel, shape, T);
}

/**
 * Backward: three kernels to run in this order.
 *
 * 1. row terms: binds out, dOut [B, T, N, Dv], lse; writes rowTerms [B, N, T, 2], a scratch buffer: lse in base 2 and
 *    delta = rowsum(dOut * out);
 * 2. query gradient: binds q, k, v, dOut, rowTerms, `documentStart` (with `documents`); writes dq [B, T, N, Dqk];
 * 3. key gradient: binds the same; writes dk [B, S, N, Dqk] and dv [B, S, N, Dv].
 *
 * Every element of dq, dk and dv is written, zeros where no query sees a key.
 *
 * @throws ConfigError as `planFlashForward`.
 */
export function planFlashBackward(target: KernelTarget, shape: FlashShape): readonly KernelPlan[] {
  checkShape(shape);
  return [rowTermsPlan(target, shape), queryGradPlan(target, shape), keyGradPlan(target, shape)];
}

function rowTermsPlan(target: KernelTarget, shape: FlashShape): KernelPlan {
  const workgroupSize = target.software && target.subgroupSize > 0 ? target.subgroupSize : WORKGROUP_SIZE;
  const kernel = texts.rowTerms({ workgroupSize });
  const groups = flatGrid(shape.B * shape.N * shape.T, workgroupSize);
  return { kernel, uniforms: uniformsOf(kernel, shape, workgroupSize), groups };
}

function queryGradPlan(target: KernelTarget, shape: FlashShape): KernelPlan {
  const { T, documents } = shape;
  const tile = tileOf(target, "flash-query-grad", shape);
  if (!tile) return portablePlan(texts.queryGradPortable(portableParams(shape)), shape, T);
  return softwarePlan(texts.queryGradSoftware({ ...tile, documents }), shape, T);
}

function keyGradPlan(target: KernelTarget, shape: FlashShape): KernelPlan {
  const { S, documents } = shape;
  const tile = tileOf(target, "flash-key-grad", shape);
  if (!tile) return portablePlan(texts.keyGradPortable(portableParams(shape)), shape, S);
  return softwarePlan(texts.keyGradSoftware({ ...tile, documents }), shape, S);
}

/**
 * The tile of a kernel: the table's, or the default; undefined: the portable kernel runs. With one row a lane broadcasts
 * would outnumber the products, and take half a minute to compile at 256 / 256.
 */
function tileOf(target: KernelTarget, op: FlashKernel, shape: FlashShape): FlashTile | undefined {
  const named = flashEntry(target, op, shape);
  if (!target.software || target.subgroupSize === 0) return undefined;
  const perLane = named === undefined ? defaultRows(op, shape) : ROWS_PER_LANE[named];
  if (perLane === undefined) return undefined;
  return { lanes: target.subgroupSize, perLane, headDimQk: shape.headDimQk, headDimV: shape.headDimV };
}

const ROWS_PER_LANE: Readonly<Record<string, number>> = { "rows-8": 8, "rows-4": 4, "rows-2": 2 };

/** Ids of the sizes in kernel tables: rows that a lane holds, or the kernels that run everywhere. */
export const FLASH_VARIANTS: readonly string[] = [...Object.keys(ROWS_PER_LANE), "portable"];

/** The sizes that are worth measuring, the default first. Larger ones take tens of seconds to compile. */
export function flashVariantsFor(target: KernelTarget, op: FlashKernel, shape: FlashShape): string[] {
  const rows = target.software && target.subgroupSize > 0 ? defaultRows(op, shape) : undefined;
  const standard = rows === undefined ? "portable" : `rows-${rows}`;
  if (!target.software || target.subgroupSize === 0) return [standard];
  const width = pairCost(op, shape);
  const others = Object.entries(ROWS_PER_LANE).filter(([, perLane]) => perLane * width <= 2 * UNROLLED);
  return [standard, ...others.map(([id]) => id).filter((id) => id !== standard)];
}

function defaultRows(op: FlashKernel, shape: FlashShape): number | undefined {
  return Object.values(ROWS_PER_LANE).find((perLane) => perLane * pairCost(op, shape) <= UNROLLED);
}

/** Multiply-adds that a kernel spends on a pair of rows. */
function pairCost(op: FlashKernel, { headDimQk, headDimV }: FlashShape): number {
  if (op === "flash-forward") return headDimQk + headDimV;
  return op === "flash-query-grad" ? 2 * headDimQk + headDimV : 2 * (headDimQk + headDimV);
}

function portableParams({ headDimQk, headDimV, documents }: FlashShape): Parameters<typeof flashForwardPortable>[0] {
  return { headDimQk, headDimV, documents, workgroupSize: WORKGROUP_SIZE };
}

function softwarePlan(kernel: Kernel, shape: FlashShape, length: number): KernelPlan {
  const balanced = Math.ceil((length * shape.B * shape.N) / WORKGROUPS);
  return planOf(kernel, shape, length, Math.min(MAX_ROWS, Math.max(MIN_ROWS, balanced)));
}

function portablePlan(kernel: Kernel, shape: FlashShape, length: number): KernelPlan {
  return planOf(kernel, shape, length, WORKGROUP_SIZE);
}

/** Blocks of rows in x, pairs of batch entry and head folded over y and z. */
function planOf(kernel: Kernel, shape: FlashShape, length: number, rows: number): KernelPlan {
  const [y, z] = flatGrid(shape.B * shape.N, 1);
  return { kernel, uniforms: uniformsOf(kernel, shape, rows), groups: [Math.ceil(length / rows), y, z] };
}

function uniformsOf(kernel: Kernel, shape: FlashShape, rows: number): Readonly<Record<string, number>> {
  const { B, T, S, N, headDimQk, headDimV, scale, keyOffset } = shape;
  const all: Record<string, number> = { B, T, S, N, Dqk: headDimQk, Dv: headDimV, rows, keyOffset, scale };
  return Object.fromEntries(kernel.uniforms.map(([name]) => [name, all[name]!]));
}

function checkShape(shape: FlashShape): void {
  const op = "flashAttention";
  for (const name of ["B", "T", "S", "N", "headDimQk", "headDimV"] as const) {
    const size = shape[name];
    if (Number.isInteger(size) && size >= 1) continue;
    throw new ConfigError({ op, operand: name, expected: "a whole number >= 1", actual: `${size}` });
  }
  if (!Number.isInteger(shape.keyOffset) || shape.keyOffset < 0) {
    throw new ConfigError({ op, operand: "keyOffset", expected: "a whole number >= 0", actual: `${shape.keyOffset}` });
  }
  const dims = shape.headDimQk + shape.headDimV;
  if (dims <= MAX_HEAD_DIMS) return;
  const expected = `headDimQk + headDimV <= ${MAX_HEAD_DIMS}`;
  throw new ConfigError({ op, operand: "headDimQk", expected, actual: `${dims}`, hint: "Split the heads." });
}
