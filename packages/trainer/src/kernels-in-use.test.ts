import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Gpu,
  KERNEL_TABLE_VERSION,
  type KernelRequest,
  type KernelTable,
  KernelTableError,
  kernelClass,
  openGpu,
  serializeKernelTable,
} from "@ds3/tensor";
import { temporaryFolder, testGpuOptions } from "@ds3/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createBigram, createPairs } from "../test/bigram.ts";
import { trainBigram } from "../test/train-bigram.ts";
import { factsOf } from "./checkpoint-folder.ts";
import { KernelsChangedError, TrainingCheckpointError } from "./errors.ts";
import { kernelDifference, kernelsChanged, kernelsInUse, kernelTableOf, readKernelTable } from "./kernels-in-use.ts";
import { readNewestCheckpoint } from "./read-newest-checkpoint.ts";

/** One gpu with the built-in choice, one with a table that changes every product of the bigram. */
const gpus: { plain?: Gpu; tuned?: Gpu } = {};
let table: KernelTable;
beforeAll(async () => {
  const requests: KernelRequest[] = [];
  const plain = await openGpu({ ...testGpuOptions(), onKernelRequest: (one) => requests.push(one) });
  using _scope = plain.scope();
  await trainBigram(createBigram(plain), createPairs(), { steps: 1 });
  const other = plain.target.software ? "tiled-64x64x16" : "tiled-32x32x16";
  const entries = Object.fromEntries(requests.map((one) => [kernelClass(one), other]));
  table = { version: KERNEL_TABLE_VERSION, adapter: plain.adapter.name, entries };
  gpus.plain = plain;
  gpus.tuned = await openGpu({ ...testGpuOptions(), kernelTable: table });
});
afterAll(async () => {
  await gpus.plain?.close();
  await gpus.tuned?.close();
});

interface Run {
  readonly folder: string;
  readonly steps: number;
  readonly resume?: boolean;
  readonly acceptKernels?: boolean;
  readonly onNote?: (note: string) => void;
}

async function run(gpu: Gpu, options: Run): Promise<ArrayLike<number>> {
  using _scope = gpu.scope();
  const model = createBigram(gpu);
  await trainBigram(model, createPairs(), options);
  return await model.arena.segments[0]!.values.data();
}

const filesOf = async (folder: string) => (await readNewestCheckpoint(join(folder, "checkpoints")))!.files;
const refusal = (resumed: Promise<unknown>): Promise<Error> =>
  resumed.then(
    () => new Error("it was not refused"),
    (error) => error,
  );

describe("a run with a kernel table", () => {
  test("goes on with the same table bit for bit, opened from its own checkpoint", async () => {
    const [whole, halves] = [temporaryFolder(), temporaryFolder()];
    await run(gpus.tuned!, { folder: whole, steps: 12 });
    await run(gpus.tuned!, { folder: halves, steps: 6 });
    const kernelTable = await kernelTableOf(halves);
    expect(kernelTable).toEqual(table);
    await using gpu = await openGpu({ ...testGpuOptions(), kernelTable });
    await run(gpu, { folder: halves, steps: 12, resume: true });
    expect(await filesOf(halves)).toEqual(await filesOf(whole));
    // The table mattered: other kernels round otherwise.
    expect(await run(gpus.plain!, { folder: temporaryFolder(), steps: 12 })).not.toEqual(
      await run(gpus.tuned!, { folder: temporaryFolder(), steps: 12 }),
    );
  });

  test("is refused on a device with other kernels, says what differs and how to go on; nothing changes", async () => {
    const folder = temporaryFolder();
    await run(gpus.tuned!, { folder, steps: 4 });
    const before = await filesOf(folder);
    const error = await refusal(run(gpus.plain!, { folder, steps: 8, resume: true }));
    expect(KernelsChangedError.is(error), `${error}`).toBe(true);
    expect(TrainingCheckpointError.is(error)).toBe(true);
    expect(error.message).toMatch(/kernels.table: expected .*tiled-.* as in the saved run, got null/);
    expect(error.message).toMatch(/kernelTable: await kernelTableOf\(folder\).*acceptKernels: true/);
    expect(await filesOf(folder)).toEqual(before);
  });

  test("goes on with other kernels when they are accepted, says so, and then is a run of those", async () => {
    const folder = temporaryFolder();
    const notes: string[] = [];
    await run(gpus.tuned!, { folder, steps: 4 });
    const onNote = (note: string): void => void notes.push(note);
    await run(gpus.plain!, { folder, steps: 8, resume: true, acceptKernels: true, onNote });
    expect(notes.join("\n")).toMatch(/kernels.table: .*: accepted, not bit for bit/);
    expect(await kernelTableOf(folder)).toBeUndefined();
    await run(gpus.plain!, { folder, steps: 10, resume: true });
  });
});

test("a run without a table is refused with one, by the way back", async () => {
  const folder = temporaryFolder();
  await run(gpus.plain!, { folder, steps: 4 });
  expect(await kernelTableOf(folder)).toBeUndefined();
  const error = await refusal(run(gpus.tuned!, { folder, steps: 8, resume: true }));
  expect(error.message).toMatch(
    /kernels.table: expected null as in the saved run.*Open the gpu without a kernel table/,
  );
});

test("a checkpoint from before kernels were saved resumes as it did", async () => {
  const [folder, whole] = [temporaryFolder(), temporaryFolder()];
  await run(gpus.plain!, { folder: whole, steps: 8 });
  await run(gpus.plain!, { folder, steps: 4 });
  changeState(join(folder, "checkpoints/step-00000004"), ({ kernels: _, ...state }) => state);
  expect(await kernelTableOf(folder)).toBeUndefined();
  await run(gpus.plain!, { folder, steps: 8, resume: true });
  expect(await filesOf(folder)).toEqual(await filesOf(whole));
  expect(await kernelTableOf(temporaryFolder())).toBeUndefined();
});

test("another default choice, another entry and another adapter are named, each with its way back", () => {
  const gpu = gpus.tuned!;
  const now = kernelsInUse(gpu);
  const messageFor = (saved: typeof now): string => kernelsChanged(gpu, saved, kernelDifference(gpu, saved)!).message;
  const [name] = Object.keys(table.entries);
  expect(kernelDifference(gpu, now)).toBeUndefined();
  expect(messageFor({ ...now, defaults: 0 })).toMatch(
    /kernels.defaults: expected 0 as .*Resume with the release of ds3/,
  );
  const moved = { ...now.table!, entries: { ...table.entries, [name!]: "matvec" }, fingerprint: "other" };
  expect(messageFor({ ...now, table: moved })).toContain(`kernels.table.entries.${name}: expected "matvec"`);
  expect(messageFor({ ...now, table: { ...now.table!, adapter: "a card" } })).toMatch(/adapter.*Resume on a card/);
});

test("a table is read from its file; a missing one and a damaged one are named", async () => {
  const path = join(temporaryFolder(), "kernels.json");
  const missing = await refusal(readKernelTable(path));
  expect(KernelTableError.is(missing) && missing.message).toContain(`${path}: expected a file that can be read`);
  writeFileSync(path, serializeKernelTable(table));
  expect(await readKernelTable(path)).toEqual(table);
  writeFileSync(path, serializeKernelTable(table).slice(0, -20));
  await expect(readKernelTable(path)).rejects.toThrow(/table: expected JSON/);
});

/** Rewrites state.json, and the manifest with it. */
function changeState(folder: string, change: (state: Record<string, unknown>) => unknown): void {
  const read = (name: string) => JSON.parse(readFileSync(join(folder, name), "utf8"));
  const state = new TextEncoder().encode(JSON.stringify(change(read("state.json"))));
  const manifest = read("manifest.json");
  writeFileSync(join(folder, "state.json"), state);
  manifest.files["state.json"] = factsOf(state);
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
}
