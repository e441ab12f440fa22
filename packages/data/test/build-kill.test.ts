/** A build that is killed at random moments and resumed makes what an undisturbed one makes. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "@ds3/testing";
import { expect, test } from "vitest";
import { createRandom } from "../src/random.ts";
import { openShards } from "../src/shards/open-shards.ts";
import { plainText, textOfIds, writeBuildFiles } from "./build-files.ts";
import { runChild } from "./run-child.ts";

const COUNT = 1200;
/** Stages to be killed in, one after the other: a build that is resumed never goes back to an earlier one. */
const KILLS = ["clean", "clean", "clean", "dedup.exact", "dedup.minHash", "dedup.minHash", "keep", "keep", "keep"];
const ENCODE_KILLS = 5;

test("killed with SIGKILL again and again in every stage, then resumed: the same files, no document lost or doubled", async () => {
  const folder = temporaryFolder();
  const config = { ...writeBuildFiles(folder, COUNT), partUnits: 10_000, shardTokens: 10_000 };
  const undisturbed = { ...config, out: join(folder, "undisturbed") };
  const path = join(folder, "config.json");
  writeFileSync(path, JSON.stringify(undisturbed));
  const first = await runChild("build-child.ts", [path]);
  expect(first.code, first.errors).toBe(0);

  writeFileSync(path, JSON.stringify(config));
  const random = createRandom({ seed: 5 });
  const kept: number[] = [];
  for (const stage of [...KILLS, ...Array.from({ length: ENCODE_KILLS }, () => "encode")]) {
    const delay = random.below(stage === "encode" ? 120 : 60);
    const end = await runChild("build-child.ts", [path], (output, kill) => {
      if (output.includes(stage)) setTimeout(kill, delay);
    });
    expect(end.signal, `${stage}: ${end.errors}`).toBe("SIGKILL");
    if (stage === "encode")
      kept.push((await openShards(config.out, { verify: "open", partial: true })).index.documents);
  }
  expect(kept.at(-1)).toBeGreaterThan(0);
  expect(kept).toEqual([...kept].sort((a, b) => a - b));
  const last = await runChild("build-child.ts", [path]);
  expect(last.code, last.errors).toBe(0);
  expect(filesOf(config.out)).toEqual(filesOf(undisturbed.out));
  expect(readdirSync(folder).sort()).toEqual(["config.json", "in", "out", "undisturbed"]);

  const texts = new Map<string, number>();
  const set = await openShards(config.out, { verify: "open" });
  for await (const { ids } of set.documents()) {
    const text = textOfIds(ids);
    texts.set(text, (texts.get(text) ?? 0) + 1);
  }
  for (let i = 0; i < COUNT; i++) expect(texts.get(plainText(i)), `document ${i}`).toBe(1);
  for (let i = 0; i < COUNT / 4; i++) expect([1, 2]).toContain(texts.get(plainText(100_000 + i)));
  expect(texts.size).toBe(COUNT + COUNT / 4 + 5);
}, 300_000);

/** Every file's checksum; of the report, what does not tell of time and memory. */
function filesOf(folder: string): Record<string, string> {
  const names = readdirSync(folder).sort();
  return Object.fromEntries(names.map((name) => [name, hash(contentOf(join(folder, name)))]));
}

function contentOf(path: string): Buffer | string {
  if (!path.endsWith("report.json")) return readFileSync(path);
  return JSON.stringify(JSON.parse(readFileSync(path, "utf8")), (key, value) =>
    ["seconds", "megabytesPerSecond", "peakResidentBytes"].includes(key) ? undefined : value,
  );
}

function hash(data: Buffer | string): string {
  return createHash("sha256").update(data).digest("hex");
}
