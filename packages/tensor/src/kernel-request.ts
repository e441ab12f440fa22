/**
 * What an op asks of its kernels, and the class of shapes that a kernel table keeps one entry for.
 */
import type { FlashShape } from "./flash-attention-plan.ts";
import type { MatmulRequest } from "./matmul-variants.ts";
import type { KernelTarget } from "./target.ts";

/** The attention kernels that come in several sizes. */
export type FlashKernel = "flash-forward" | "flash-query-grad" | "flash-key-grad";

/** One request, as `onKernelRequest` of `openGpu` reports it and `tuneKernels` takes it. */
export type KernelRequest = ({ readonly op: "matmul" } & MatmulRequest) | ({ readonly op: FlashKernel } & FlashShape);

/** The ops that kernel tables have entries for. */
export const TABLE_OPS: readonly KernelRequest["op"][] = [
  "matmul",
  "flash-forward",
  "flash-query-grad",
  "flash-key-grad",
];

/**
 * The class of a request: a table is small, and a shape profits from one nearby that was measured.
 *
 * Exact: op, layout, groups, dtypes, head sizes: they shape the code. M, K, T, S, the batch and the number of groups are
 * rounded up to a power of two, N in half octaves (64, 96, 128, 192, ...), as idle columns decide between kernels; N up
 * to 8 counts as 8. Documents do not matter, nor scale, alpha, strides and whether a result is added to.
 */
export function kernelClass(request: KernelRequest): string {
  return request.op === "matmul" ? matmulClass(request) : flashClass(request.op, request);
}

function matmulClass({ layout, grouped, M, N, K, batch, groups = 1, dtypeA, dtypeB }: MatmulRequest): string {
  const dtypes = dtypeA === "f32" && dtypeB === "f32" ? "" : ` ${dtypeA} ${dtypeB}`;
  const kind = grouped === "none" ? layout : `${layout} by ${grouped}`;
  const count = octave(Math.max(batch, groups));
  return `matmul ${kind}${dtypes} M=${octave(M)} N=${columns(N)} K=${octave(K)}${count === 1 ? "" : ` x${count}`}`;
}

function flashClass(op: FlashKernel, { B, T, S, N, headDimQk, headDimV }: FlashShape): string {
  return `${op} heads=${headDimQk}/${headDimV} T=${octave(T)} S=${octave(S)} x${octave(B * N)}`;
}

/** The id in the target's table for a product, if there is one; also reports the request to who listens. */
export function matmulEntry({ table, onRequest }: KernelTarget, request: MatmulRequest): string | undefined {
  onRequest?.({ op: "matmul", ...request });
  return table?.entries[matmulClass(request)];
}

/** As `matmulEntry`, for an attention kernel. */
export function flashEntry({ table, onRequest }: KernelTarget, op: FlashKernel, shape: FlashShape): string | undefined {
  onRequest?.({ op, ...shape });
  return table?.entries[flashClass(op, shape)];
}

/** The next power of two; 0 and 1 stay. */
function octave(n: number): number {
  return n <= 1 ? n : 2 ** (32 - Math.clz32(n - 1));
}

/** The next 2^k or 3 x 2^k, from 8 on. */
function columns(n: number): number {
  if (n === 0) return 0;
  const up = octave(Math.max(n, 8));
  return n > 8 && n <= 0.75 * up ? 0.75 * up : up;
}
