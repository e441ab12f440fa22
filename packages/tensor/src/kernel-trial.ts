import { pitchOf } from "./dtype.ts";
import { flashVariantsFor, planFlashBackward, planFlashForward } from "./flash-attention-plan.ts";
import type { Gpu } from "./gpu.ts";
import { type KernelRequest, kernelClass } from "./kernel-request.ts";
import { KERNEL_TABLE_VERSION } from "./kernel-table.ts";
import { groupTileCount, type KernelPlan, planGroupedMatmul, planGroupTable, planMatmul } from "./matmul-plan.ts";
import { defaultVariant, variantsFor } from "./matmul-variants.ts";
import type { KernelTarget } from "./target.ts";
import type { Tensor } from "./tensor.ts";

type MatmulTrial = Extract<KernelRequest, { op: "matmul" }>;
type FlashTrial = Exclude<KernelRequest, { op: "matmul" }>;

/** One request with operands of random values, ready to run on each kernel that can serve it. */
export interface KernelTrial {
  /** Variant ids, the default first. */
  readonly ids: readonly string[];
  /** Label of the kernel behind an id. */
  label(id: string): string;
  /** Encodes one run; what it wrote is in `results`. */
  encode(id: string): void;
  readonly results: readonly Tensor[];
  /** What every run reads and writes, in the order of allocation. */
  readonly operands: readonly Tensor[];
}

/** Allocates in the current scope. @throws DtypeError when no kernel serves the request. */
export function createTrial(gpu: Gpu, request: KernelRequest): KernelTrial {
  return request.op === "matmul" ? matmulTrial(gpu, request) : flashTrial(gpu, request);
}

/** Floating-point operations of a request: the weight of its class. Causal attention counts half of the pairs. */
export function flopsOf(request: KernelRequest): number {
  if (request.op === "matmul") return 2 * request.batch * request.M * request.N * request.K;
  const { op, B, T, S, N, headDimQk, headDimV } = request;
  const products = { "flash-forward": 1, "flash-query-grad": 1.5, "flash-key-grad": 2 }[op];
  return products * 2 * B * N * T * (S - T / 2) * (headDimQk + headDimV);
}

function matmulTrial(gpu: Gpu, request: MatmulTrial): KernelTrial {
  const target = bareTarget(gpu.target);
  const standard = defaultVariant(target, request)?.id;
  const others = variantsFor(target, request).map(({ id }) => id);
  const { operands, plan } = request.grouped === "none" ? denseTrial(gpu, request) : groupedTrial(gpu, target, request);
  return trialOf(gpu, target, request, [standard ?? "none", ...others], operands, plan, [operands.C!]);
}

type PlanFor = (target: KernelTarget) => KernelPlan;
type Operands = Readonly<Record<string, Tensor>>;

function denseTrial(gpu: Gpu, request: MatmulTrial): { operands: Operands; plan: PlanFor } {
  const { layout, M, N, K, batch, dtypeA, dtypeB } = request;
  const operands = {
    A: random(gpu, layout === "tn" ? [batch, K, M] : [batch, M, K], 1, dtypeA),
    B: random(gpu, layout === "nt" ? [batch, N, K] : [batch, K, N], 2, dtypeB),
    C: gpu.empty([batch, M, N]),
  };
  return { operands, plan: (target) => planMatmul(target, { layout, M, N, K, batch, dtypeA, dtypeB }) };
}

/** Rows in equal parts: what balanced experts get. */
function groupedTrial(gpu: Gpu, target: KernelTarget, request: MatmulTrial): { operands: Operands; plan: PlanFor } {
  const { layout, M, N, K, groups: E = 1, dtypeA, dtypeB } = request;
  const R = request.grouped === "rows" ? M : K;
  const offsets = gpu.tensor(
    Uint32Array.from({ length: E + 1 }, (_, e) => Math.floor((e * R) / E)),
    [E + 1],
    "u32",
  );
  if (request.grouped === "k") {
    const [A, B] = [random(gpu, [K, M], 1, dtypeA), random(gpu, [K, N], 2, dtypeB)];
    const operands = { A, B, offsets, C: gpu.empty([E, M, N]) };
    const shape = { grouped: "k", layout: "tn", R, E, M, N, dtypeA, dtypeB } as const;
    return { operands, plan: (chosen) => planGroupedMatmul(chosen, shape) };
  }
  const tiles = gpu.empty([Math.max(1, groupTileCount(target, R, E)), 4], "u32");
  const table = planGroupTable(target, { R, E });
  gpu.dispatch(table.kernel, { offsets, tiles }, table.uniforms, table.groups);
  const A = random(gpu, [M, K], 1, dtypeA);
  const B = random(gpu, layout === "nt" ? [E, N, K] : [E, K, N], 2, dtypeB);
  const operands = { A, B, tiles, C: gpu.empty([M, N]) };
  const shape = { grouped: "rows", layout: layout as "nn" | "nt", R, E, N, K, dtypeA, dtypeB } as const;
  return { operands, plan: (chosen) => planGroupedMatmul(chosen, shape) };
}

function flashTrial(gpu: Gpu, request: FlashTrial): KernelTrial {
  const { op, ...shape } = request;
  const { B, T, S, N, headDimQk, headDimV, documents } = shape;
  const target = bareTarget(gpu.target);
  const operands = {
    q: random(gpu, [B, T, N, headDimQk], 1),
    k: random(gpu, [B, S, N, headDimQk], 2),
    v: random(gpu, [B, S, N, headDimV], 3),
    dOut: random(gpu, [B, T, N, headDimV], 4),
    out: gpu.empty([B, T, N, headDimV]),
    lse: gpu.empty([B, N, T]),
    rowTerms: gpu.empty([B, N, T, 2]),
    dq: gpu.empty([B, T, N, headDimQk]),
    dk: gpu.empty([B, S, N, headDimQk]),
    dv: gpu.empty([B, S, N, headDimV]),
    ...(documents ? { documentStart: gpu.tensor(new Uint32Array(B * T), [B, T], "u32") } : {}),
  };
  const index = ["flash-forward", "row terms", "flash-query-grad", "flash-key-grad"].indexOf(op);
  const plansOf = (on: KernelTarget): KernelPlan[] => [planFlashForward(on, shape), ...planFlashBackward(on, shape)];
  // The backward kernels need the forward's log-sum-exp and the row terms.
  for (const plan of plansOf(target).slice(0, Math.min(index, 2))) run(gpu, plan, operands);
  const { out, dq, dk, dv } = operands;
  const results = { "flash-forward": [out], "flash-query-grad": [dq], "flash-key-grad": [dk, dv] }[op];
  const ids = flashVariantsFor(target, op, shape);
  return trialOf(gpu, target, request, ids, operands, (on) => plansOf(on)[index]!, results);
}

function trialOf(
  gpu: Gpu,
  target: KernelTarget,
  request: KernelRequest,
  ids: readonly string[],
  operands: Operands,
  planFor: PlanFor,
  results: readonly Tensor[],
): KernelTrial {
  const plans = new Map([...new Set(ids)].map((id) => [id, planFor(withEntry(target, request, id))]));
  return {
    ids: [...plans.keys()],
    label: (id) => plans.get(id)!.kernel.label,
    encode: (id) => run(gpu, plans.get(id)!, operands),
    results,
    operands: Object.values(operands),
  };
}

function withEntry(target: KernelTarget, request: KernelRequest, id: string): KernelTarget {
  const table = { version: KERNEL_TABLE_VERSION, adapter: "trial", entries: { [kernelClass(request)]: id } };
  return { ...target, table };
}

/** Without the device's own table and listener. */
function bareTarget({ table: _, onRequest: __, ...target }: KernelTarget): KernelTarget {
  return target;
}

function run(gpu: Gpu, { kernel, uniforms, groups }: KernelPlan, all: Operands): void {
  const operands = Object.fromEntries(kernel.bindings.map(({ name }) => [name, all[name]!]));
  gpu.dispatch(kernel, operands, uniforms, groups);
}

/** Uniform in [-0.5, 0.5), by a linear congruential generator. */
function random(gpu: Gpu, shape: readonly number[], seed: number, dtype: Tensor["dtype"] = "f32"): Tensor {
  let state = seed;
  const pitch = pitchOf(shape.at(-1)!, dtype);
  const values = new Float32Array(shape.slice(0, -1).reduce((product, n) => product * n, pitch));
  for (let i = 0; i < values.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    values[i] = state / 2 ** 32 - 0.5;
  }
  return gpu.tensor(values, shape, dtype);
}
