import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { kernelClass, openGpu, parseKernelTable } from "@ds3/tensor";
import { temporaryFolder } from "@ds3/testing";
import { expect, test } from "vitest";
import { requestLog, runModels } from "./collect-requests.ts";
import { parseTuneOptions, type TuneCommand } from "./options.ts";
import { tune } from "./tune.ts";

const command = (flags: string): TuneCommand => ({
  ...parseTuneOptions(`--squares 32 --windows 1 ${flags}`.split(" ").filter(Boolean)),
  presets: [],
  out: join(temporaryFolder(), "kernels.json"),
});

test("prints each class, writes a table that this adapter's devices open with", async () => {
  const lines: string[] = [];
  const all = command("--all --min-gain 0");
  const tuned = await tune(all, { print: (line) => lines.push(line) });
  expect(tuned!.map(({ name }) => name).sort()).toEqual(
    ["nn", "nt", "tn"].map((layout) => `matmul ${layout} M=32 N=32 K=32`),
  );
  const text = lines.join("\n");
  for (const { name, variants } of tuned!) {
    expect(text).toContain(name);
    for (const { id } of variants) expect(text).toContain(`${id} `);
  }
  expect(text).toMatch(/3 classes of shapes, 100.0 % of the work/);
  const kernelTable = parseKernelTable(readFileSync(all.out, "utf8"));
  expect(Object.keys(kernelTable.entries)).toEqual(
    tuned!
      .filter(({ best, variants }) => best !== variants[0]!.id)
      .map(({ name }) => name)
      .sort(),
  );
  await using gpu = await openGpu({ kernelTable });
  expect(gpu.kernelTable).toEqual(kernelTable);
});

test("stopped it leaves the file that was there, and no other", async () => {
  const stopped = command("");
  writeFileSync(stopped.out, "mine");
  const controller = new AbortController();
  const lines: string[] = [];
  const print = (line: string): void => {
    lines.push(line);
    if (line.startsWith("matmul")) controller.abort();
  };
  expect(await tune(stopped, { print, signal: controller.signal })).toBeUndefined();
  expect(lines.filter((line) => line.startsWith("matmul"))).toHaveLength(1);
  expect(lines.at(-1)).toBe("Stopped: nothing was written.");
  expect(readFileSync(stopped.out, "utf8")).toBe("mine");
  expect(readdirSync(dirname(stopped.out))).toEqual(["kernels.json"]);
});

test("--only without a match writes an empty table; every model asks for products and attention of its own", async () => {
  const none = command("--only nothing");
  expect(await tune(none, { print: () => {} })).toEqual([]);
  expect(parseKernelTable(readFileSync(none.out, "utf8")).entries).toEqual({});
  expect(existsSync(none.out)).toBe(true);
  const { requests, listen } = requestLog();
  await using gpu = await openGpu({ onKernelRequest: listen });
  await runModels(gpu, { ...none, presets: ["tiny"], batch: 2, length: 32 }, () => {});
  const classes = requests.map(kernelClass).join("\n");
  for (const part of ["flash-key-grad", "tn by k", "nt by rows", "M=64 ", "nn M=32 N=32"])
    expect(classes).toContain(part);
});
