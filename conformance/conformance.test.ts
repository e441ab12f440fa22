import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { serializeSafetensors } from "@ds3/tensor/safetensors";
import { trainBpe } from "@ds3/tokenizer";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { conformance } from "./conformance.ts";
import type { TensorReport } from "./run-fixture.ts";
import { runFp8 } from "./runners/fp8.ts";
import { runOptim } from "./runners/optim.ts";
import { tokenizerTopic } from "./runners/tokenizer.ts";
import type { OwnTopic, Result, Topic, TopicRunner } from "./topic.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "conformance-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A stored tensor of a made fixture; exact ones are I32 unless they are bytes. */
interface Stored {
  readonly role: string;
  readonly dtype?: "U8";
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

const y: Stored = { role: "expected", shape: [2, 3], data: [1, 2, 3, 4, 5, 6] };
const ids: Stored = { role: "expected_exact", shape: [2], data: [7, 8] };

function writeFixture(name: string, tensors: Readonly<Record<string, Stored>>, more: object = {}): void {
  const base = join(folder, name);
  mkdirSync(dirname(base), { recursive: true });
  const entries = Object.entries(tensors).map(([tensor, { role, dtype, shape, data }]) => {
    if (dtype) return { name: tensor, dtype, shape: [...shape], data: Uint8Array.from(data) };
    const isExact = role === "expected_exact";
    const typed = isExact ? Int32Array.from(data) : Float32Array.from(data);
    return { name: tensor, dtype: isExact ? ("I32" as const) : ("F32" as const), shape: [...shape], data: typed };
  });
  writeFileSync(`${base}.safetensors`, serializeSafetensors(entries, {}));
  const described = Object.fromEntries(Object.entries(tensors).map(([n, { role, shape }]) => [n, { role, shape }]));
  const tolerance = Object.fromEntries(Object.keys(tensors).map((tensor) => [tensor, { atol: 0.01 }]));
  writeJson(`${name}.json`, { topic: name.split("/")[0], config: {}, tensors: described, tolerance, ...more });
}

function writeJson(path: string, json: object): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), JSON.stringify(json));
}

/** A runner that gives these values under these names. */
function giving(values: Readonly<Record<string, readonly Result[] | readonly number[]>>): TopicRunner {
  return async () =>
    new Map(
      Object.entries(values).map(([name, given]) => [
        name,
        typeof given[0] === "object"
          ? (given as readonly Result[])
          : [{ via: "the test", data: given as readonly number[] }],
      ]),
    );
}

interface Outcome {
  readonly code: number;
  readonly lines: string[];
  readonly report: {
    fixtures: {
      fixture: string;
      topic: string;
      tensors: { name: string; status: string; reason?: string; note?: string }[];
    }[];
  };
}

async function run(
  topics: Readonly<Record<string, Topic>>,
  args: readonly string[] = [],
  chosen: string | undefined = folder,
): Promise<Outcome> {
  const lines: string[] = [];
  let written = "{}";
  const code = await conformance({
    args,
    chosenFolder: chosen,
    defaultFolder: join(folder, "nowhere"),
    topics,
    openGpu: () => Promise.reject(new Error("these tests need no GPU")),
    print: (line) => lines.push(line),
    writeReport: (json) => {
      written = json;
    },
  });
  return { code, lines, report: JSON.parse(written) };
}

const good = { y: y.data, ids: ids.data };

describe("tensors", () => {
  test("all computed and within their bounds: asserted, exit 0", async () => {
    writeFixture("layer/deep/one", { x: { ...y, role: "input" }, y, ids, seen: { ...y, role: "info" } });
    const { code, lines, report } = await run({ layer: giving({ ...good, y: [1, 2, 3, 4, 5.005, 6] }) });
    expect(code).toBe(0);
    expect(lines.at(-1)).toBe("2 passed, 0 failed, 0 skipped");
    expect(report.fixtures[0]!.tensors.map(({ name, status }) => [name, status])).toEqual([
      ["y", "asserted"],
      ["ids", "asserted"],
    ]);
  });

  test("one that the runner leaves out is a failure", async () => {
    writeFixture("layer/one", { y, ids });
    const { code, lines } = await run({ layer: giving({ y: y.data }) });
    expect(code).toBe(1);
    expect(lines.join("\n")).toContain("FAILED layer/one: ids: not asserted, the runner did not compute it");
    expect(lines.at(-1)).toBe("1 passed, 1 failed, 0 skipped");
  });

  test("parts of one do not stand for the whole", async () => {
    writeFixture("layer/one", { y });
    const part: Result = { via: "decode", data: [4, 5, 6], at: [3, 4, 5] };
    expect((await run({ layer: giving({ y: [part] }) })).code).toBe(1);
    const whole: Result = { via: "forward", data: y.data };
    expect((await run({ layer: giving({ y: [whole, part] }) })).code).toBe(0);
    const { code, lines } = await run({ layer: giving({ y: [whole, { ...part, data: [4, 5, 7] }] }) });
    expect(code).toBe(1);
    expect(lines.join("\n")).toMatch(/y via decode: 1 of 3 .* worst at \[1, 2\]: got 7, expected 6/);
  });

  test("a wrong value is named with its coordinates, both values and the bound", async () => {
    writeFixture("layer/one", { y, ids });
    const { code, lines } = await run({ layer: giving({ y: [1, 2, 3, 4, 5.5, 6], ids: [7, 9] }) });
    expect(code).toBe(1);
    expect(lines.join("\n")).toMatch(
      /y via the test: 1 of 6 .* worst at \[1, 1\]: got 5.5, expected 5, difference 0.5, bound 0.01/,
    );
    expect(lines.join("\n")).toMatch(/ids via the test: .* worst at \[1\]: got 9, expected 8/);
  });

  test.each([
    { label: "computed", got: Number.NaN, want: 4, atol: 1e30 },
    { label: "computed infinity", got: Number.POSITIVE_INFINITY, want: 4, atol: 1e30 },
    { label: "expected and computed", got: Number.NaN, want: Number.NaN, atol: 1e30 },
  ])("NaN never passes: $label", async ({ got, want, atol }) => {
    writeFixture("layer/one", { y: { ...y, data: [1, 2, 3, want, 5, 6] } }, { tolerance: { y: { atol } } });
    expect((await run({ layer: giving({ y: [1, 2, 3, got, 5, 6] }) })).code).toBe(1);
    // Nor where the fixture states no bound for the element.
    writeFixture(
      "layer/one",
      { y: { ...y, data: [1, 2, 3, want, 5, 6] } },
      { tolerance: { y: { atol_first1: atol } } },
    );
    expect((await run({ layer: giving({ y: [1, 2, 3, got, 5, 6] }) })).code).toBe(1);
  });

  test("the wrong number of elements, a runner that throws, a role and a tolerance that nobody knows: failures", async () => {
    writeFixture("layer/one", { y });
    expect((await run({ layer: giving({ y: [1, 2, 3] }) })).lines.join()).toContain("3 elements, expected 6");
    const throws = await run({ layer: () => Promise.reject(new Error("no such weight")) });
    expect(throws.lines.join()).toContain("the runner failed: no such weight");
    writeFixture("layer/one", { y: { ...y, role: "expectd" } });
    expect((await run({ layer: giving(good) })).lines.join()).toContain('role "expectd" is not understood');
    writeFixture("layer/one", { y }, { tolerance: { y: { atoll: 1 } } });
    expect((await run({ layer: giving(good) })).lines.join()).toContain('tolerance "atoll" is not understood');
    writeFixture("layer/one", { y }, { tolerance: {} });
    expect((await run({ layer: giving(good) })).lines.join()).toContain("states no tolerance");
  });

  test("rtol stands before atol, rules for the first rows before the one for all", async () => {
    writeFixture("layer/one", { y }, { tolerance: { y: { atol: 1, rtol: 1e-3 } } });
    expect((await run({ layer: giving({ y: [1, 2, 3, 4, 5, 6.005] }) })).code).toBe(0);
    expect((await run({ layer: giving({ y: [1.005, 2, 3, 4, 5, 6] }) })).code).toBe(1);
    writeFixture("layer/one", { y }, { tolerance: { y: { atol_first1: 0.1, atol: 1 } } });
    expect((await run({ layer: giving({ y: [1, 2, 3, 4.5, 5, 6] }) })).code).toBe(0);
    expect((await run({ layer: giving({ y: [1.5, 2, 3, 4, 5, 6] }) })).code).toBe(1);
  });

  test("of alternatives one must hold as a whole", async () => {
    const after = { role: "expected", shape: [2], data: [1, 2] };
    const before = { role: "expected", shape: [2], data: [1.5, 2.5] };
    const tensors = {
      "bf16_after.trajectory.0": after,
      "bf16_after.exp_avg.0": after,
      "bf16_before.trajectory.0": before,
      "bf16_before.exp_avg.0": before,
    };
    const bf16_tolerance = {
      moments: { fraction_equal: 0.99, rtol_all: 0.01 },
      trajectory: { fraction: 0.99, rtol_of_max_for_fraction: 1e-5, atol_all: 1e-3 },
    };
    writeFixture("layer/one", tensors, { bf16_tolerance });
    const both = (trajectory: number[], moment: number[]): TopicRunner =>
      giving(Object.fromEntries(Object.keys(tensors).map((n) => [n, n.includes("exp_avg") ? moment : trajectory])));
    const { code, report } = await run({ layer: both([1.5, 2.5], [1.5, 2.5]) });
    expect(code).toBe(0);
    expect(report.fixtures[0]!.tensors.map(({ note }) => note?.split(";")[0])).toEqual([
      "alternative to bf16_before, which holds as a whole",
      "alternative to bf16_before, which holds as a whole",
      "the alternative that holds: bf16_before",
      "the alternative that holds: bf16_before",
    ]);
    // Half of each is neither; within the wide bound but not equal in 99 of 100 is not enough.
    expect((await run({ layer: both([1.5, 2.5], [1, 2]) })).code).toBe(1);
    expect((await run({ layer: both([1, 2], [1, 2.001]) })).code).toBe(1);
  });
});

describe("FP8", () => {
  const exactly = (data: readonly number[], dtype?: "U8"): Stored => ({
    role: "expected_exact",
    ...(dtype ? { dtype } : {}),
    shape: [data.length],
    data,
  });
  const runWith = async (name: string, data: readonly number[], isDivided?: true): Promise<Outcome> =>
    run({ fp8: giving({ [name]: [{ via: "the test", data, ...(isDivided ? { isDivided } : {}) }] }) });

  test("a fixture whose tensors are of no kind that is known has failed", async () => {
    writeFixture("fp8/wonder", { z: { ...y, role: "input" }, y });
    const { code, lines } = await run({ fp8: runFp8 });
    expect(code).toBe(1);
    expect(lines.join("\n")).toMatch(/FAILED fp8\/wonder: .*no known kind of FP8 fixture has these tensors: \w, \w/);
  });

  test.each([
    { format: "e4m3fn", want: [0x7f, 0x7e], same: [0xff, 0x7e], other: [0x7f, 0x7f] },
    { format: "e5m2", want: [0x7e, 0x7c], same: [0xfd, 0x7c], other: [0x7c, 0x7c] },
  ])("any NaN code is as good as another, of $format", async ({ format, want, same, other }) => {
    writeFixture("fp8/one", { codes_any: exactly(want, "U8") }, { config: { format } });
    expect((await runWith("codes_any", same)).code).toBe(0);
    expect((await runWith("codes_any", other)).code).toBe(1);
  });

  test("codes of a format that nobody knows are a failure", async () => {
    writeFixture("fp8/one", { codes_any: exactly([1], "U8") }, { config: { format: "e3m4" } });
    expect((await runWith("codes_any", [1])).lines.join()).toContain('expected e4m3fn or e5m2, got "e3m4"');
  });

  test("any bit pattern of NaN is as good as another, infinity is none", async () => {
    writeFixture("fp8/one", { decoded_bits: exactly([0x7fc00000, 5]) });
    expect((await runWith("decoded_bits", [0xff800001 | 0, 5])).code).toBe(0);
    expect((await runWith("decoded_bits", [0x7f800000, 5])).code).toBe(1);
    expect((await runWith("decoded_bits", [0x7fc00000, 0x7fc00000])).code).toBe(1);
  });

  test("where a device divided, 998 of 1000 codes are exact and none is further than one code away", async () => {
    const want = Array.from({ length: 1000 }, (_, i) => i % 100);
    const moved = (count: number, by: number): number[] => want.map((code, i) => (i < count ? code + by : code));
    writeFixture("fp8/one", { q: exactly(want, "U8") });
    expect((await runWith("q", moved(2, 1), true)).code).toBe(0);
    expect((await runWith("q", moved(3, 1), true)).code).toBe(1);
    expect((await runWith("q", moved(1, 2), true)).code).toBe(1);
    expect((await runWith("q", moved(1, 1))).code).toBe(1);
  });

  test("row_rtol: every element within that share of its row's largest", async () => {
    const c: Stored = { role: "expected", shape: [2, 2], data: [100, 0, 1, 0] };
    writeFixture("fp8/one", { c }, { tolerance: { c: { atol: 10 } }, row_rtol: 1e-2 });
    expect((await runWith("c", [100.5, 0.9, 1, 0.009])).code).toBe(0);
    expect((await runWith("c", [100, 0, 1, 0.011])).code).toBe(1);
    writeFixture("fp8/one", { c }, { tolerance: { c: { atol: 0.5 } }, row_rtol: 1e-2 });
    expect((await runWith("c", [100.9, 0, 1, 0])).code).toBe(1);
  });
});

describe("tables", () => {
  const schedules = {
    topic: "optim",
    tolerance: { rtol: 1e-6 },
    batch_ramp: {
      config: { start: 10, end: 20, ramp_tokens: 100 },
      rows: [
        { tokens: 0, batch_sequences: 10 },
        { tokens: 50, batch_sequences: 15 },
      ],
    },
  };

  test("every row of a schedule is asserted; a table of an unknown schedule is a failure", async () => {
    writeJson("optim/tables.json", schedules);
    expect((await run({ optim: runOptim })).lines.at(-1)).toBe("1 passed, 0 failed, 0 skipped");
    const wrong = [...schedules.batch_ramp.rows, { tokens: 75, batch_sequences: 17 }];
    writeJson("optim/tables.json", { ...schedules, batch_ramp: { ...schedules.batch_ramp, rows: wrong } });
    expect((await run({ optim: runOptim })).lines.join()).toMatch(
      /batch_ramp.rows .* worst at \[2\]: got 17.5, expected 17/,
    );
    writeJson("optim/tables.json", { ...schedules, sawtooth: schedules.batch_ramp });
    expect((await run({ optim: runOptim })).lines.join()).toContain("sawtooth.rows: not asserted");
  });
});

describe("the folder", () => {
  test("an unknown topic, an empty one, orphaned tensors and a fixture in the wrong folder are failures", async () => {
    writeFixture("layer/one", { y });
    mkdirSync(join(folder, "layers"));
    const unknown = await run({ layer: giving(good) });
    expect(unknown.code).toBe(1);
    expect(unknown.lines.join()).toContain("FAILED layers: unknown topic; known: layer");
    const empty = await run({ layer: giving(good), layers: giving(good) });
    expect(empty.code).toBe(1);
    expect(empty.lines.join()).toContain("FAILED layers: the topic's folder holds no fixture");
    writeFileSync(join(folder, "layers/loose.safetensors"), serializeSafetensors([], {}));
    writeJson("layers/moved.json", { topic: "layer", tensors: {} });
    const { lines } = await run({ layer: giving(good), layers: giving(good) });
    expect(lines.join()).toContain("FAILED layers/loose: tensors without a .json");
    expect(lines.join()).toContain('FAILED layers/moved: its topic is "layer"');
  });

  test("--topic chooses; a misspelt one, one without a fixture and an unknown option exit 1", async () => {
    writeFixture("layer/one", { y });
    writeFixture("other/two", { y });
    const topics = { layer: giving(good), other: giving({}), optim: giving({}) };
    expect((await run(topics, ["--topic", "layer"])).lines.at(-1)).toBe("1 passed, 0 failed, 0 skipped");
    expect((await run(topics, ["--topic=other"])).code).toBe(1);
    const misspelt = await run(topics, ["--topic", "layr"]);
    expect(misspelt.code).toBe(1);
    expect(misspelt.lines.join()).toContain('Did you mean "layer"?');
    const absent = await run(topics, ["--topic", "optim"]);
    expect(absent.code).toBe(1);
    expect(absent.lines.join()).toContain("holds no fixture of that topic");
    expect((await run(topics, ["--topics", "layer"])).code).toBe(1);
  });

  test("skipped topics are listed tensor by tensor with the reason", async () => {
    writeFixture("later/one", { y, ids });
    const { code, lines, report } = await run({ later: "not built yet" });
    expect(code).toBe(0);
    expect(lines.at(-1)).toBe("0 passed, 0 failed, 2 skipped");
    expect(lines.join()).toContain("skipped, topic later: not built yet");
    const reasons = report.fixtures.flatMap(({ tensors }) =>
      tensors.map(({ status, reason }) => `${status}: ${reason}`),
    );
    expect(reasons).toEqual(["skipped: not built yet", "skipped: not built yet"]);
  });

  test("absent and unset: one visible line, exit 0, no report; named but missing or empty: exit 1", async () => {
    const lines: string[] = [];
    const options = {
      args: [],
      chosenFolder: undefined,
      defaultFolder: join(folder, "nowhere"),
      topics: {},
      openGpu: () => Promise.reject(new Error("unused")),
      print: (line: string) => lines.push(line),
      writeReport: () => writeFileSync(join(folder, "report"), ""),
    };
    expect(await conformance(options)).toBe(0);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^skipped: no fixtures in .*nowhere/);
    expect(existsSync(join(folder, "report"))).toBe(false);
    expect((await run({}, [], join(folder, "nowhere"))).code).toBe(1);
    expect((await run({}, [], folder)).code).toBe(1);
  });
});

describe("topics of a format of their own", () => {
  const passed = { name: "ids", role: "expected_exact", status: "asserted" as const };
  const own = (fixtures: Record<string, () => readonly TensorReport[]>, notes: string[] = []): OwnTopic => ({
    list: (at) => ({ fixtures: at ? Object.entries(fixtures).map(([name, run]) => ({ name, run })) : [], notes }),
  });

  test("they list and assert their folder themselves; what throws or states nothing has failed", async () => {
    writeFixture("layer/one", { y, ids });
    mkdirSync(join(folder, "words"));
    const words = own({ "words/one": () => [passed, passed] }, ["skipped: no rows"]);
    const { code, lines, report } = await run({ layer: giving(good), words });
    expect([code, lines[0], lines.at(-1)]).toEqual([0, "skipped: no rows", "4 passed, 0 failed, 0 skipped"]);
    expect(report.fixtures.map(({ topic }) => topic)).toEqual(["layer", "words"]);
    expect((await run({ layer: giving({}), words }, ["--topic", "words"])).lines.at(-1)).toMatch(/^2 passed, 0 failed/);
    const torn = own({ "words/torn": () => JSON.parse("{"), "words/empty": () => [] });
    const failed = await run({ layer: giving(good), words: torn });
    expect(failed.code).toBe(1);
    expect(failed.lines.join()).toMatch(
      /FAILED words\/torn: .*JSON.*FAILED words\/empty: the fixture expects nothing/s,
    );
  });

  test("a folder that lacks the topic, and a listing that throws", async () => {
    writeFixture("layer/one", { y, ids });
    const absent = await run({ layer: giving(good), words: own({ one: () => [passed] }) }, ["--topic", "words"]);
    expect(absent.lines.join()).toContain("holds no fixture of that topic");
    const throwing: OwnTopic = {
      list: () => {
        throw new Error("DS3_DATASETS: nowhere");
      },
    };
    expect((await run({ layer: giving(good), words: throwing })).lines.join()).toContain("DS3_DATASETS: nowhere");
    expect((await run({ layer: giving(good), words: throwing }, ["--topic", "layer"])).code).toBe(0);
  });
});

describe("tokenizers", () => {
  const trained = trainBpe(["low lower lowest"], { vocabSize: 262, specialTokens: ["<s>"] });
  const row = { text: "low", ids: [...trained.encode("low")], offsets: [0, 3], decoded: "low", decodedSkip: "low" };
  const datasets = (): string => join(folder, "datasets");

  beforeEach(() => {
    mkdirSync(join(datasets(), "tokenizer-golden"), { recursive: true });
    writeFileSync(join(datasets(), "tokenizer-golden/small.tokenizer.json"), trained.toJson());
  });

  const runRows = async (rows: readonly object[], name = "small"): Promise<{ code: number; lines: string[] }> => {
    writeFileSync(
      join(datasets(), `tokenizer-golden/${name}.jsonl`),
      rows.map((one) => JSON.stringify(one)).join("\n"),
    );
    const tokenizer = tokenizerTopic({ chosen: datasets(), fallback: datasets() });
    return run({ tokenizer, datasets: "not a topic" }, ["--topic", "tokenizer"]);
  };

  test("rows are asserted by what they state", async () => {
    expect((await runRows([row, row])).lines.at(-1)).toBe("6 passed, 0 failed, 0 skipped");
  });

  test.each([
    { label: "ids", wrong: { ids: [0] }, message: /ids: 1 of 2 rows; the first: "low" gives .*, expected \[0\]/ },
    { label: "offsets", wrong: { offsets: [0, 2] }, message: /offsets: 1 of 2 rows; .* expected \[0,2\]/ },
    { label: "text", wrong: { decodedSkip: "Low" }, message: /decodedSkip: 1 of 2 rows; .* expected "Low"/ },
    { label: "template", wrong: { idsSpecial: [] }, message: /ids with template: 1 of 2 rows/ },
    { label: "something unknown", wrong: { length: 1 }, message: /a case states "length", which is not understood/ },
  ])("a wrong row is named with both values: $label", async ({ wrong, message }) => {
    const { code, lines } = await runRows([row, { ...row, ...wrong }]);
    expect(code).toBe(1);
    expect(lines.join("\n")).toMatch(message);
  });

  test("a tokenizer that is nowhere, a package that is not installed, an empty folder: failures", async () => {
    expect((await runRows([row], "other")).lines.join()).toContain("no other.tokenizer.json beside it");
    writeFileSync(join(datasets(), "tokenizer-golden/README.md"), "- other = npm @ds3/none@1.0.0 a.json (sha256 ...)");
    expect((await runRows([row], "other")).lines.join()).toContain("npm @ds3/none, which is not installed");
    const nowhere = { chosen: join(folder, "nowhere"), fallback: datasets() };
    expect((await run({ tokenizer: tokenizerTopic(nowhere) })).lines.join()).toContain("DS3_DATASETS: ");
  });

  test("training must give the stated merges", async () => {
    const corpus = "low lower lowest";
    mkdirSync(join(folder, "tokenizer"));
    writeFileSync(join(folder, "tokenizer/text.txt"), corpus);
    const hash = createHash("sha256").update(corpus).digest("hex");
    const stated = { special_tokens: ["<s>"], vocab_size: 262, training_deterministic: true, corpus_sha256: hash };
    writeJson("tokenizer/small.cases.json", { ...stated, encode: [{ text: "low", ids: row.ids }], decode: [] });
    const file = JSON.parse(trained.toJson()) as { model: { merges: string[][] } };
    const runTraining = async (): Promise<string> => {
      writeJson("tokenizer/small.tokenizer.json", file);
      const tokenizer = tokenizerTopic({ chosen: undefined, fallback: join(folder, "nowhere") });
      return (await run({ tokenizer, datasets: "not a topic" }, ["--topic", "tokenizer"])).lines.join("\n");
    };
    expect(await runTraining()).toContain("3 passed, 0 failed");
    file.model.merges.reverse();
    expect(await runTraining()).toMatch(/FAILED tokenizer\/small: merges\[0\]: \["l","o"\], expected/);
  });
});
