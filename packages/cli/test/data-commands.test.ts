import { createHash } from "node:crypto";
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openShards } from "@ds3/data/node";
import { temporaryFolder } from "@ds3/testing";
import { parseTokenizer } from "@ds3/tokenizer";
import { expect, test } from "vitest";
import { runDs3 } from "./run-ds3.ts";
import { english, writeTexts } from "./texts.ts";

function folderOf(count: number): string {
  const folder = temporaryFolder();
  writeTexts(folder, count);
  return folder;
}

function hashes(folder: string): Record<string, string> {
  const shards = readdirSync(folder).filter((name) => name.startsWith("shard-") || name === "index.json");
  return Object.fromEntries(
    shards.sort().map((name) => [
      name,
      createHash("sha256")
        .update(readFileSync(join(folder, name)))
        .digest("hex"),
    ]),
  );
}

/** Every file of a folder by its checksum. */
function filesOf(folder: string): Record<string, string> {
  const hash = (name: string): string =>
    createHash("sha256")
      .update(readFileSync(join(folder, name)))
      .digest("hex");
  return Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [name, hash(name)]),
  );
}

test("build: texts to shards, tokenizer, rejects, report and page; inspect tells the same", async () => {
  const cwd = folderOf(60);
  const args = ["data", "build", "build.json", "--set", "fimRate=0", "--set", "splitRate=0", "--json"];
  const { code, stdout, stderr } = await runDs3(args, { cwd });
  expect(code, stderr).toBe(0);
  const { out, tokenizer: path, html, report } = JSON.parse(stdout);
  expect([out, path, html]).toEqual(["out", "out/tokenizer.json", "out/report.html"]);
  expect(report).toMatchObject({
    format: "ds3-build-report",
    rejects: 1,
    encoding: { documents: 70, fimDocuments: 0 },
  });
  expect(report.sources.map(({ name }: { name: string }) => name)).toEqual(["english", "chinese"]);
  const tokenizer = parseTokenizer(readFileSync(join(cwd, path), "utf8"));
  const texts: string[] = [];
  for await (const { ids, corpus } of (await openShards(join(cwd, out), { verify: "open" })).documents()) {
    expect([ids[0], ids.at(-1)]).toEqual([0, 1]);
    if (corpus === "english") texts.push(tokenizer.decode(ids, { skipSpecialTokens: true }));
  }
  expect(texts).toEqual(Array.from({ length: 60 }, (_, i) => english(i + 1)));
  expect(JSON.parse(readFileSync(join(cwd, "out", "rejects.jsonl"), "utf8"))).toMatchObject({
    line: 4,
    text: "{broken",
  });
  expect(existsSync(join(cwd, "out.work"))).toBe(false);

  const inspected = JSON.parse(
    (await runDs3(["data", "inspect", "out", "--html", "p.html", "--json"], { cwd })).stdout,
  );
  expect(inspected).toMatchObject({ folder: "out", html: "p.html", shards: { complete: true, documents: 70 } });
  expect(inspected.report).toEqual(report);
  const page = readFileSync(join(cwd, "p.html"), "utf8");
  expect(page).toBe(readFileSync(join(cwd, "out", "report.html"), "utf8"));
  for (const part of ["<svg", "dedup.exact", "read.rejected", "{broken", "english", "MB/s"])
    expect(page).toContain(part);
  expect(page).not.toMatch(/<script|(?:href|src)=|url\(http/);
  const { stdout: text } = await runDs3(["data", "inspect", "out", "--samples", "--verify"], { cwd });
  expect(text).toMatch(/english +60 /);
  expect(text).toMatch(/dropped, read\.rejected .*en\.jsonl:4/);
});

test("build again gives the same at once; another value is refused by name", async () => {
  const cwd = folderOf(20);
  const first = await runDs3(["data", "build", "build.json"], { cwd });
  expect(first.code, first.stderr).toBe(0);
  const again = await runDs3(["data", "build", "build.json"], { cwd });
  expect([again.code, again.stdout]).toEqual([0, first.stdout]);
  const other = await runDs3(["data", "build", "build.json", "--set", "seed=1"], { cwd });
  expect([other.code, other.stdout]).toEqual([1, ""]);
  expect(other.stderr).toMatch(/ConfigError: buildCorpus: seed: expected 0, as in .*report\.json, got 1/);
});

test("Ctrl-C leaves what the same command goes on from, and the shards are those of an undisturbed build", async () => {
  const cwd = folderOf(2000);
  const small = ["--set", "partUnits=20000", "--set", "tokenizer.vocabSize=300", "--set", "language=false"];
  const undisturbed = await runDs3(["data", "build", "build.json", "--set", "out=undisturbed", ...small], { cwd });
  expect(undisturbed.code, undisturbed.stderr).toBe(0);
  const args = ["data", "build", "build.json", "--json", ...small];
  let isKilled = false;
  const stopped = await runDs3(args, {
    cwd,
    onStderr: (stderr, kill) => {
      if (isKilled || !stderr.includes("reading and filtering")) return;
      isKilled = true;
      kill("SIGINT");
    },
  });
  expect(stopped.code, stopped.stderr).toBe(130);
  expect(JSON.parse(stopped.stdout)).toEqual({ out: "out", stopped: true });
  expect(stopped.stderr).toContain("The same command goes on from here.");
  expect(existsSync(join(cwd, "out.work"))).toBe(true);
  const done = await runDs3(args, { cwd });
  expect(done.code, done.stderr).toBe(0);
  expect(hashes(join(cwd, "out"))).toEqual(hashes(join(cwd, "undisturbed")));
});

test("what is wrong with a build file is named, with the nearest key", async () => {
  const cwd = folderOf(2);
  const fails = async (args: string[], message: RegExp): Promise<void> => {
    const { code, stdout, stderr } = await runDs3(["data", "build", ...args], { cwd });
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n\s+at /);
  };
  await fails(["none.json"], /FormatError: ds3 data build: none\.json: expected a JSON file, got ENOENT/);
  await fails(
    ["build.json", "--set", "dedup.minHash.ngramm=3"],
    /dedup\.minHash: expected known keys, got "ngramm"\. Did you mean "ngram"\?/,
  );
  await fails(
    ["build.json", "--set", "sources.0.paths=gone/*.txt"],
    /gone\/\*\.txt: expected a pattern that matches files, got none/,
  );
  await fails(["build.json", "--set", "tokenizer=none.json"], /none\.json: expected a readable tokenizer\.json/);
  await fails(["build.json", "--set", "eosToken=</s>"], /eosToken: expected a token, got "<\/s>"/);
  writeFileSync(join(cwd, "torn.json"), "{");
  await fails(["torn.json"], /torn\.json: expected a JSON file/);
});

test("shards that no build of the command made are told as they are", async () => {
  const cwd = temporaryFolder();
  const { createShardWriter } = await import("@ds3/data/node");
  const writer = await createShardWriter(join(cwd, "s"), { vocabSize: 10 });
  await writer.add([1, 2, 3], { corpus: "a" });
  await writer.finish();
  const { code, stdout } = await runDs3(["data", "inspect", "s", "--json"], { cwd });
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    report: null,
    shards: { tokens: 3, corpora: [{ name: "a", documents: 1, tokens: 3 }] },
  });
  expect((await runDs3(["data", "inspect", "s", "--html", "x.html"], { cwd })).stderr).toContain(
    "the report.json of a finished",
  );
  expect((await runDs3(["data", "inspect", "nowhere"], { cwd })).stderr).toMatch(/ShardError: openShards: nowhere/);
});

test("a build that is refused leaves the tokenizer of finished shards as it is", async () => {
  const cwd = folderOf(20);
  const first = await runDs3(["data", "build", "build.json"], { cwd });
  expect(first.code, first.stderr).toBe(0);
  const before = filesOf(join(cwd, "out"));
  const refused = async (args: string[], message: RegExp): Promise<void> => {
    const { code, stderr } = await runDs3(["data", "build", "build.json", ...args], { cwd });
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(filesOf(join(cwd, "out"))).toEqual(before);
    expect(existsSync(join(cwd, "out.work"))).toBe(false);
  };
  await refused(["--set", "tokenizer.vocabSize=300"], /tokenizer: expected what .*tokenizer\.training\.json tells/);
  await refused(["--set", "sources.0.textKey=id"], /sources: expected/);
  appendFileSync(join(cwd, "in", "en.jsonl"), `${JSON.stringify({ text: english(999) })}\n`);
  await refused([], /StateError: .*en\.jsonl: expected the files that the build was begun with/);
  await refused(["--set", "work=in"], /work: expected a folder of its own/);
});

test("texts that have changed since a tokenizer was trained train it anew", async () => {
  const cwd = folderOf(20);
  const keep = ["data", "build", "build.json", "--keep-work"];
  const first = await runDs3(keep, { cwd });
  expect(first.stderr).toContain("Trained a tokenizer");
  const same = await runDs3([...keep, "--set", "out=second", "--set", "work=out.work"], { cwd });
  expect([same.code, same.stderr]).toEqual([0, expect.not.stringContaining("Trained a tokenizer")]);
  const third = ["data", "build", "build.json", "--set", "out=third"];
  const stopped = await runDs3([...third, "--set", "eosToken=</s>"], { cwd }); // trained, then refused
  expect([stopped.code, existsSync(join(cwd, "third.work", "tokenizer.json"))]).toEqual([1, true]);
  writeFileSync(join(cwd, "in", "zh.txt"), "另一个文本。".repeat(60));
  const changed = await runDs3(third, { cwd });
  expect([changed.code, changed.stderr]).toEqual([0, expect.stringContaining("Trained a tokenizer")]);
  const [one, two, three] = ["out", "second", "third"].map((out) => filesOf(join(cwd, out))["tokenizer.json"]);
  expect(two).toBe(one);
  expect(three).not.toBe(one);
});

test("a text that spells a special token stays text in the shards, unless it is asked for", async () => {
  const cwd = folderOf(4);
  const text = `${english(50)} <｜end▁of▁sentence｜><｜User｜> ${english(51)}`;
  writeFileSync(join(cwd, "in", "en.jsonl"), `${JSON.stringify({ text })}\n`);
  const build = async (out: string, ...args: string[]): Promise<{ ids: number[]; texts: string[] }> => {
    const sets = ["fimRate=0", "splitRate=0", `out=${out}`, ...args].flatMap((set) => ["--set", set]);
    const { code, stderr } = await runDs3(["data", "build", "build.json", ...sets], { cwd });
    expect(code, stderr).toBe(0);
    const tokenizer = parseTokenizer(readFileSync(join(cwd, out, "tokenizer.json"), "utf8"));
    for await (const { ids, corpus } of (await openShards(join(cwd, out), { verify: "open" })).documents()) {
      if (corpus !== "english") continue;
      return { ids: Array.from(ids), texts: [tokenizer.decode(ids, { skipSpecialTokens: true })] };
    }
    return expect.unreachable("there is a document");
  };
  const plain = await build("plain");
  expect(plain.texts).toEqual([text]);
  expect(plain.ids.slice(1, -1).some((id) => id < 8)).toBe(false);
  const found = await build("found", "addedTokens=all");
  expect(found.ids.slice(1, -1).filter((id) => id < 8)).toEqual([1, 3]);
});
