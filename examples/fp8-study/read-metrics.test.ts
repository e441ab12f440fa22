import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readFinished, readMetrics } from "./read-metrics.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ds3-example-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const step = (number: number, main: number): string =>
  JSON.stringify({ step: number, loss: main + 1, terms: { main } });
const validation = (number: number, validationLoss: number): string => JSON.stringify({ step: number, validationLoss });
const write = (...lines: string[]): Promise<void> => writeFile(join(folder, "metrics.jsonl"), lines.join("\n"));

test("the cross-entropy of each step, and the held-out losses", async () => {
  await write(validation(0, 7), step(1, 6), step(2, 5), validation(2, 5.5), "");
  expect(await readMetrics(folder)).toEqual({
    losses: [6, 5],
    heldOut: new Map([
      [0, 7],
      [2, 5.5],
    ]),
  });
  expect(await readFinished(folder, 2)).toMatchObject({ losses: [6, 5] });
});

test("a run is finished with its last step and the measurement after it, not before and not with more", async () => {
  expect(await readFinished(folder, 2)).toBeUndefined();
  await write(validation(0, 7), step(1, 6), step(2, 5), validation(2, 5).slice(0, -3));
  expect(await readFinished(folder, 2)).toBeUndefined();
  await write(validation(0, 7), step(1, 6), validation(1, 6), step(2, 5), validation(2, 5));
  expect(await readFinished(folder, 1)).toBeUndefined();
  expect(await readFinished(folder, 2)).toBeDefined();
});
