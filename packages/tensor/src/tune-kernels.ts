import type { Gpu } from "./gpu.ts";
import { type KernelRequest, kernelClass } from "./kernel-request.ts";
import { KERNEL_TABLE_VERSION, type KernelTable } from "./kernel-table.ts";
import { createTrial, flopsOf, type KernelTrial } from "./kernel-trial.ts";

/** How to measure. */
export interface TuneOptions {
  /** Least share of the time that a variant must save to replace the default. Default 0.03. */
  readonly minGain?: number;
  /** Seconds after which no further class is begun; the heaviest come first. Default: no end. */
  readonly budgetSeconds?: number;
  /** Windows of each variant, in turns with the others. Default 7. */
  readonly windows?: number;
  /** Milliseconds of a window of the default variant. Default 40. */
  readonly windowMs?: number;
  /** Milliseconds so far. Default the wall clock; CPU time where other processes disturb it. */
  readonly clock?: () => number;
  /** Ends before the next window. */
  readonly signal?: AbortSignal | undefined;
}

/** A variant as it was measured for one class. */
export interface MeasuredVariant {
  readonly id: string;
  /** Median of one run. */
  readonly milliseconds: number;
  /** Share of the default's time that it saves: the median over windows that ran beside each other. Negative: slower. */
  readonly gain: number;
  /** First run of its kernel in this process, where it was the first: compiles it, unless a cache of the driver has it. */
  readonly firstRunMs?: number;
  /** Why it cannot be chosen: its result differs from the default's by more than rounding. */
  readonly refused?: string;
}

/** What was found for a class. */
export interface TunedClass {
  readonly name: string;
  /** The shape that stood for the class: the heaviest by flops times how often it was asked for. */
  readonly request: KernelRequest;
  /** Share of all flops that were asked for. */
  readonly share: number;
  readonly flops: number;
  /** The default first. */
  readonly variants: readonly MeasuredVariant[];
  /** Id of the variant to use: the default's unless another saves `minGain`. */
  readonly best: string;
}

/** Against f32 sums in another order, relative to the largest element. */
const TOLERANCE = 1e-5;
/** A variant whose first runs take so many times the default's time is not measured further. */
const HOPELESS = 1.6;
/** A variant that takes so many times the default's time in so many classes running is not tried on others. */
const SLOW = 3;
const SLOW_CLASSES = 3;

/** What is known across classes. */
interface Session {
  /** Labels of kernels that have run. */
  readonly seen: Set<string>;
  /** By variant: in how many classes running it was slow. */
  readonly slow: Map<string, number>;
}

/**
 * Measures the kernels that this adapter can run for the shapes that were asked for (`onKernelRequest` of `openGpu`),
 * class by class, the heaviest first. Results of every variant are compared with the default's. Classes that one kernel
 * alone can serve are passed over. Frees all it allocates, also when the caller stops early.
 *
 * ```ts
 * const tuned = await Array.fromAsync(tuneKernels(gpu, requests));
 * const text = serializeKernelTable(kernelTableFrom(gpu, tuned));
 * ```
 */
export async function* tuneKernels(
  gpu: Gpu,
  requests: readonly KernelRequest[],
  options: TuneOptions = {},
): AsyncGenerator<TunedClass, void, void> {
  const { budgetSeconds = Number.POSITIVE_INFINITY, signal } = options;
  const end = performance.now() + 1000 * budgetSeconds;
  const session: Session = { seen: new Set(), slow: new Map() };
  const fork = gpu.fork();
  try {
    for (const one of classesOf(requests)) {
      if (signal?.aborted || performance.now() > end) return;
      const variants = await tuneClass(fork, one.request, options, session);
      if (signal?.aborted) return;
      if (variants) yield { ...one, variants, best: bestOf(variants, options) };
    }
  } finally {
    await fork.close();
  }
}

/** The table of what `tuneKernels` found on a device: an entry where another kernel than the default is best. */
export function kernelTableFrom(gpu: Gpu, tuned: readonly TunedClass[]): KernelTable {
  const changed = tuned.filter(({ best, variants }) => best !== variants[0]!.id);
  const entries = Object.fromEntries(changed.map(({ name, best }) => [name, best] as const));
  return { version: KERNEL_TABLE_VERSION, adapter: gpu.adapter.name, entries };
}

type ClassToTune = Pick<TunedClass, "name" | "request" | "share" | "flops">;

/** One request a class, heaviest class first. */
function classesOf(requests: readonly KernelRequest[]): ClassToTune[] {
  const classes = new Map<string, Map<string, { request: KernelRequest; weight: number }>>();
  for (const request of requests) {
    if (flopsOf(request) === 0) continue;
    const name = kernelClass(request);
    const shapes = classes.get(name) ?? new Map();
    const key = JSON.stringify(request);
    const shape = shapes.get(key) ?? { request, weight: 0 };
    shape.weight += flopsOf(request);
    classes.set(name, shapes.set(key, shape));
  }
  const weighed = [...classes].map(([name, shapes]) => {
    const all = [...shapes.values()];
    const { request } = all.reduce((a, b) => (b.weight > a.weight ? b : a));
    return { name, request, flops: flopsOf(request), weight: all.reduce((sum, { weight }) => sum + weight, 0) };
  });
  const total = weighed.reduce((sum, { weight }) => sum + weight, 0);
  return weighed.sort((a, b) => b.weight - a.weight).map(({ weight, ...one }) => ({ ...one, share: weight / total }));
}

async function tuneClass(
  gpu: Gpu,
  request: KernelRequest,
  options: TuneOptions,
  session: Session,
): Promise<MeasuredVariant[] | undefined> {
  using _scope = gpu.scope("tune");
  const trial = createTrial(gpu, request);
  const ids = trial.ids.filter((id, i) => i === 0 || (session.slow.get(id) ?? 0) < SLOW_CLASSES);
  if (ids.length < 2) return undefined;
  const variants: Candidate[] = [];
  for (const id of ids) variants.push(await firstRun(gpu, trial, id, session.seen, variants[0]));
  await measure(gpu, trial, variants, options);
  for (const { id, runs } of variants) {
    const slow = Math.min(...runs) > SLOW * Math.min(...variants[0]!.runs);
    session.slow.set(id, slow ? (session.slow.get(id) ?? 0) + 1 : 0);
  }
  const best = bestOf(summaries(variants), options);
  const [standard, chosen] = [variants[0]!, variants.find(({ id }) => id === best)!];
  if (chosen !== standard) {
    // The best of several noisy figures is too good: what counts is how it does once more.
    standard.confirmed = [];
    chosen.confirmed = [];
    await inTurns(gpu, trial, [standard, chosen], ({ confirmed }) => confirmed!, options);
  }
  return summaries(variants);
}

function summaries(variants: readonly Candidate[]): MeasuredVariant[] {
  const standard = variants[0]!;
  return variants.map(({ id, runs, confirmed, firstRunMs, refused }) => {
    const [own, beside] = confirmed ? [confirmed, standard.confirmed!] : [runs, standard.runs];
    return {
      id,
      milliseconds: median(own),
      gain: 1 - median(own.map((time, i) => time / beside[i]!)),
      ...(firstRunMs === undefined ? {} : { firstRunMs }),
      ...(refused === undefined ? {} : { refused }),
    };
  });
}

interface Candidate {
  readonly id: string;
  /** Milliseconds of one run, a window each. */
  readonly runs: number[];
  /** The same for the default and the best, once more. */
  confirmed?: number[];
  readonly firstRunMs: number | undefined;
  readonly refused: string | undefined;
  readonly results: readonly Float32Array[];
}

/** Compiles, and compares with the default's result. */
async function firstRun(
  gpu: Gpu,
  trial: KernelTrial,
  id: string,
  known: Set<string>,
  standard: Candidate | undefined,
): Promise<Candidate> {
  await gpu.idle();
  // What another variant wrote must not pass for this one's result.
  for (const tensor of trial.results) gpu.clear(tensor);
  const started = performance.now();
  trial.encode(id);
  await gpu.idle();
  const firstRunMs = known.has(trial.label(id)) ? undefined : performance.now() - started;
  known.add(trial.label(id));
  const results = await Promise.all(trial.results.map((tensor) => tensor.data<"f32">()));
  const refused = standard && differenceOf(results, standard.results);
  return { id, runs: [], firstRunMs, refused, results };
}

function differenceOf(results: readonly Float32Array[], standard: readonly Float32Array[]): string | undefined {
  for (const [r, values] of results.entries()) {
    const reference = standard[r]!;
    let [largest, difference] = [0, 0];
    for (const [i, value] of values.entries()) {
      const apart = Math.abs(value - reference[i]!);
      largest = Math.max(largest, Math.abs(reference[i]!));
      // NaN counts as a difference.
      if (!(apart <= difference)) difference = apart;
    }
    if (!(difference <= TOLERANCE * largest)) {
      return `differs from the default by ${difference.toExponential(1)} where the largest element is ${largest.toExponential(1)}`;
    }
  }
  return undefined;
}

/** Two windows of one run find the hopeless, which would take longest; the others are measured in turns. */
async function measure(gpu: Gpu, trial: KernelTrial, all: readonly Candidate[], options: TuneOptions): Promise<void> {
  for (let i = 0; i < 2; i++) {
    for (const { id, runs } of all) runs.push(await oneWindow(gpu, trial, id, 1, options));
  }
  const standard = Math.min(...all[0]!.runs);
  const hopeful = all.filter(({ runs }) => Math.min(...runs) <= HOPELESS * standard);
  for (const { runs } of hopeful) runs.length = 0;
  await inTurns(gpu, trial, hopeful, ({ runs }) => runs, options);
}

/** Windows of the same number of runs in turns, so that what disturbs one disturbs its neighbours as well. */
async function inTurns(
  gpu: Gpu,
  trial: KernelTrial,
  candidates: readonly Candidate[],
  into: (candidate: Candidate) => number[],
  options: TuneOptions,
): Promise<void> {
  const { windows = 7, windowMs = 40, signal } = options;
  const single = await oneWindow(gpu, trial, candidates[0]!.id, 2, options);
  const repeats = Math.min(200, Math.max(1, Math.ceil(windowMs / Math.max(0.01, single))));
  for (let i = 0; i < windows && !signal?.aborted; i++) {
    for (const candidate of candidates) {
      into(candidate).push(await oneWindow(gpu, trial, candidate.id, repeats, options));
    }
  }
}

/** Milliseconds of one run, the mean of a window. */
async function oneWindow(
  gpu: Gpu,
  trial: KernelTrial,
  id: string,
  repeats: number,
  { clock = () => performance.now() }: TuneOptions,
): Promise<number> {
  const started = clock();
  for (let i = 0; i < repeats; i++) trial.encode(id);
  await gpu.idle();
  return (clock() - started) / repeats;
}

function bestOf(variants: readonly MeasuredVariant[], { minGain = 0.03 }: TuneOptions): string {
  const better = variants.filter(({ gain, refused }) => gain >= minGain && refused === undefined);
  return better.reduce((a, b) => (b.gain > a.gain ? b : a), variants[0]!).id;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
