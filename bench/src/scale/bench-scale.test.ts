import { readFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "@ds3/testing";
import { expect, test } from "vitest";
import { benchScale } from "./bench-scale.ts";
import type { PointResult } from "./run-point.ts";
import type { ScalePoint } from "./scale-points.ts";

const cost = (sequenceBytes: number): PointResult => ({
  cost: {
    adapter: "test adapter",
    tokensPerSecond: 1000,
    steps: 2,
    seconds: 4.096,
    peakBytes: 5e8,
    sequenceBytes,
    cpuFallbacks: 0,
  },
});

async function run(only: string, measure: (point: ScalePoint) => PointResult, plot?: string) {
  const [notes, problems]: [string[], string[]] = [[], []];
  const figures = [];
  const files = plot === undefined ? {} : { plot };
  const lines = { onNote: (line: string) => notes.push(line), onProblem: (line: string) => problems.push(line) };
  for await (const figure of benchScale({ only, ...files, ...lines, measure: async (point) => measure(point) })) {
    figures.push(figure);
  }
  return { figures, notes, problems };
}

test("memory along a line: two figures a point, then the bytes of a token, and no problem", async () => {
  const plot = join(temporaryFolder(), "scale.svg");
  const { figures, notes, problems } = await run("mini", ({ length }) => cost(1e7 + 3000 * length), plot);
  expect(problems).toEqual([]);
  expect(figures).toHaveLength(2 * 8 + 2);
  expect(figures[0]).toMatchObject({ name: "scale.mini.256", value: 1000, unit: "tokens/s", peakBytes: 5e8 });
  expect(figures[1]).toMatchObject({ name: "scale.mini.256.sequence", value: 10_768_000, unit: "bytes" });
  const [plain, checkpointed] = figures.slice(-2);
  expect(plain).toMatchObject({ name: "scale.mini.bytes-per-token", unit: "bytes" });
  expect(plain!.value).toBeCloseTo(3000, 6);
  expect(plain!.note).toMatch(/^10.0 MB beside, 9189568 parameters; line within 0.0 %/);
  expect(checkpointed!.name).toBe("scale.mini.bytes-per-token.checkpoint");
  expect(notes.at(-1)).toBe(`drawn: ${plot}`);
  expect(readFileSync(plot, "utf8")).toContain("mini 9.2M");
});

test("memory that grows with the square of the length is a problem that names the size", async () => {
  const { problems } = await run("tiny", ({ length }) => cost(1e7 + 3000 * length + length ** 2));
  expect(problems).toHaveLength(2);
  expect(problems[0]).toMatch(/^scale.tiny.bytes-per-token: memory is not linear in the sequence length/);
});

test("a refused point is noted by its error, a process that died is a problem, and the rest goes on", async () => {
  const refusal = "OutOfMemoryError: allocate: gradient: expected less";
  const { figures, notes, problems } = await run("scale.base", ({ length, checkpoint }) => {
    if (checkpoint === "block" && length === 1024) return { failure: "its process ended with signal SIGKILL" };
    return checkpoint === "none" && length === 2048 ? { refusal } : cost(1e7 * length);
  });
  expect(notes).toContain(`scale.base.2048: ${refusal}`);
  expect(problems).toEqual(["scale.base.1024.checkpoint: its process ended with signal SIGKILL"]);
  expect(figures.map(({ name }) => name)).toContain("scale.base.2048.checkpoint");
  // A line needs all of its points.
  expect(figures).toHaveLength(2 * 6);
});
