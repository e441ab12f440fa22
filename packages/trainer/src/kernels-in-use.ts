import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  DEFAULT_KERNELS_VERSION,
  type Gpu,
  type KernelTable,
  KernelTableError,
  kernelTableFingerprint,
  parseKernelTable,
} from "@ds3/tensor";
import { KernelsChangedError } from "./errors.ts";
import { firstDifference, type JsonDifference } from "./first-difference.ts";
import { CHECKPOINTS } from "./move-earlier-run.ts";
import { readNewestCheckpoint } from "./read-newest-checkpoint.ts";

/** Which kernels a run's sums come from, as `state.json` keeps it: others round otherwise. */
export interface KernelsInUse {
  /** Of the default choice, which serves what the table has no entry for. */
  readonly defaults: number;
  /** The table that the device was opened with; null: none. */
  readonly table: (KernelTable & { readonly fingerprint: string }) | null;
}

/** The kernels of a device. */
export function kernelsInUse({ kernelTable }: Gpu): KernelsInUse {
  const table = kernelTable ? { ...kernelTable, fingerprint: kernelTableFingerprint(kernelTable) } : null;
  return { defaults: DEFAULT_KERNELS_VERSION, table };
}

/** What differs between a saved run's kernels and a device's; nothing for checkpoints from before they were saved. */
export function kernelDifference(gpu: Gpu, saved: KernelsInUse | undefined): JsonDifference | undefined {
  return saved && firstDifference("kernels", saved, kernelsInUse(gpu));
}

/** The error for a run whose kernels differ, with the way on. */
export function kernelsChanged(
  gpu: Gpu,
  saved: KernelsInUse,
  { path, expected, actual }: JsonDifference,
): KernelsChangedError {
  const accept = "accept the present ones with acceptKernels: true, then results go on close, but not bit for bit";
  return new KernelsChangedError({
    op: "resume",
    operand: path,
    expected: `${expected} as in the saved run`,
    actual,
    hint: `${wayBack(gpu, saved)}; or ${accept}.`,
  });
}

function wayBack(gpu: Gpu, { defaults, table }: KernelsInUse): string {
  if (defaults !== DEFAULT_KERNELS_VERSION) return "Resume with the release of ds3 that the run was started with";
  if (!table) return "Open the gpu without a kernel table";
  if (table.adapter !== gpu.adapter.name) return `Resume on ${table.adapter}`;
  return "Open the gpu with the run's own table, openGpu({ kernelTable: await kernelTableOf(folder) })";
}

/**
 * The kernel table that a run in `folder` used when its newest whole checkpoint was written, to go on with:
 * `openGpu({ kernelTable: await kernelTableOf(folder) })`. Undefined when it used none, or there is no checkpoint.
 *
 * @throws TrainingCheckpointError when every checkpoint is torn; KernelTableError when this release lacks its kernels.
 */
export async function kernelTableOf(folder: string): Promise<KernelTable | undefined> {
  const stored = await readNewestCheckpoint(join(folder, CHECKPOINTS));
  const json = stored?.files["state.json"];
  if (!json) return undefined;
  const { kernels } = JSON.parse(new TextDecoder().decode(json)) as { readonly kernels?: KernelsInUse };
  return kernels?.table ? parseKernelTable(kernels.table) : undefined;
}

/**
 * Reads a kernel table from a file that `pnpm tune` wrote.
 *
 * @throws KernelTableError when it cannot be read, is not valid, or is of another release.
 */
export async function readKernelTable(path: string): Promise<KernelTable> {
  const text = await readFile(path, "utf8").catch((cause: Error) => {
    throw new KernelTableError({
      op: "readKernelTable",
      operand: path,
      expected: "a file that can be read",
      actual: cause.message,
      hint: "Write it with `pnpm tune`.",
      cause,
    });
  });
  return parseKernelTable(text);
}
