/** Shards in processes of their own: killed while they write, and ended while a thread loads. */
import { temporaryFolder } from "@ds3/testing";
import { expect, test } from "vitest";
import { createRandom } from "../src/random.ts";
import { openShards } from "../src/shards/open-shards.ts";
import { runChild } from "./run-child.ts";
import { writeCountedSet } from "./shard-sets.ts";

const DOCUMENTS = 900;

test("killed with SIGKILL again and again while it writes, then resumed: every document once, in order", async () => {
  const folder = temporaryFolder();
  const random = createRandom({ seed: 11 });
  const kept: number[] = [];
  for (let kills = 0; kills < 5; kills++) {
    const after = 20 + random.below(100);
    const delay = random.below(8);
    const end = await runChild("write-shards-child.ts", [folder, `${DOCUMENTS}`, "1"], (output, kill) => {
      if (output.length >= after) setTimeout(kill, delay);
    });
    expect(end.signal, end.errors).toBe("SIGKILL");
    kept.push((await openShards(folder, { partial: true, verify: "open" })).index.documents);
  }
  expect(kept).toEqual([...kept].sort((a, b) => a - b));
  expect(kept.at(-1)).toBeGreaterThan(kept[0]!);
  expect(kept.at(-1)).toBeLessThan(DOCUMENTS);
  const last = await runChild("write-shards-child.ts", [folder, `${DOCUMENTS}`]);
  expect(last.code, last.errors).toBe(0);
  let next = 0;
  for await (const { ids } of (await openShards(folder, { verify: "open" })).documents()) {
    expect(ids.length).toBe(1 + ((next * 7919) % 60));
    expect(ids.every((id) => id === next)).toBe(true);
    next += 1;
  }
  expect(next).toBe(DOCUMENTS);
});

test("a process that has its batch ends, though its thread was not closed", async () => {
  const folder = temporaryFolder();
  await writeCountedSet(folder, 1);
  const end = await runChild("take-batch-child.ts", [folder]);
  expect(end).toMatchObject({ code: 0, output: "1" });
});
