import { ConfigError, OutOfRangeError } from "@ds3/errors";
import { expect, test } from "vitest";
import type { Document } from "./document.ts";
import { createRandom } from "./random.ts";
import { type DocumentStage, isDropped, type RunStagesOptions, runStages, type StageReport } from "./stage.ts";
import { StageRunner } from "./stage-runner.ts";
import { utf8Length } from "./utf8-length.ts";

const upper: DocumentStage = {
  name: "upper",
  process: (document) => ({ ...document, text: document.text.toUpperCase() }),
};
const short: DocumentStage = {
  name: "short",
  process: (document) =>
    document.text.length < 3 ? { reason: "short.length", detail: `${document.text.length} < 3` } : document,
};

async function run(documents: Iterable<Document>, stages: readonly DocumentStage[], options: RunStagesOptions = {}) {
  let reports: readonly StageReport[] = [];
  const out: Document[] = [];
  for await (const document of runStages(documents, stages, { ...options, onReport: (made) => (reports = made) })) {
    out.push(document);
  }
  return { out, reports };
}

test("documents go through stages in order, drops go no further, everything is counted", async () => {
  const documents = [
    { text: "ab", source: "a:1", language: "en" },
    { text: "früh", source: "a:2", language: "de" },
    { text: "你好吗", source: "a:3" },
  ];
  const { out, reports } = await run(documents, [short, upper]);
  expect(out.map(({ text }) => text)).toEqual(["FRÜH", "你好吗"]);
  expect(reports[0]).toMatchObject({
    name: "short",
    documentsIn: 3,
    documentsOut: 2,
    documentsChanged: 0,
    bytesIn: 2 + 5 + 9,
    bytesOut: 14,
    dropped: { "short.length": 1 },
    languages: {
      en: { documentsIn: 1, documentsOut: 0, dropped: { "short.length": 1 } },
      de: { documentsIn: 1, documentsOut: 1, dropped: {} },
      und: { documentsIn: 1, documentsOut: 1, dropped: {} },
    },
    samples: [{ before: "ab", reason: "short.length", detail: "2 < 3", source: "a:1" }],
  });
  expect(reports[1]).toMatchObject({ documentsIn: 2, documentsOut: 2, documentsChanged: 1, dropped: {} });
  expect(reports[1]!.samples).toEqual([{ before: "früh", after: "FRÜH", source: "a:2" }]);
  for (const { seconds, megabytesPerSecond, bytesIn } of reports) {
    expect(seconds).toBeGreaterThan(0);
    expect(megabytesPerSecond).toBeCloseTo(bytesIn / 1e6 / seconds, 9);
  }
});

test("a drop is counted under the language that the stage names", async () => {
  const guess: DocumentStage = { name: "guess", process: () => ({ reason: "no", language: "fr" }) };
  const { reports } = await run([{ text: "oui", source: "a:1" }], [guess]);
  expect(reports[0]!.languages).toEqual({ fr: { documentsIn: 1, documentsOut: 0, dropped: { no: 1 } } });
});

test("asynchronous sources work, and the report comes when the consumer stops early, too", async () => {
  async function* source() {
    for (let i = 0; i < 10; i++) yield { text: "text", source: `a:${i}` };
  }
  let reports: readonly StageReport[] = [];
  for await (const document of runStages(source(), [short], { onReport: (made) => (reports = made) })) {
    if (document.source === "a:3") break;
  }
  expect(reports[0]!.documentsIn).toBe(4);
});

test("samples are bounded for every reason, equal for one seed, spread over all documents, and cut", async () => {
  const documents = Array.from({ length: 200 }, (_, i) => ({ text: i % 2 ? "x" : `${i} word`, source: `${i}` }));
  const sample = async (seed: number) =>
    (await run(documents, [short, upper], { seed, sampleCount: 4, sampleLength: 5 })).reports;
  const [first, again, other] = [await sample(1), await sample(1), await sample(2)];
  expect(first.map(({ samples }) => samples.length)).toEqual([4, 4]);
  expect(again[0]!.samples).toEqual(first[0]!.samples);
  expect(other[0]!.samples).not.toEqual(first[0]!.samples);
  const drawn = new Set<number>();
  for (let seed = 0; seed < 50; seed++)
    for (const { source } of (await sample(seed))[0]!.samples) drawn.add(Number(source));
  expect(Math.max(...drawn)).toBeGreaterThan(180);
  expect(drawn.size).toBeGreaterThan(60);
  expect(first[1]!.samples.every(({ before, after }) => before.length <= 5 && after === before.toUpperCase())).toBe(
    true,
  );
  expect((await run(documents, [short], { sampleCount: 0 })).reports[0]!.samples).toEqual([]);
});

test("the runner works document by document", () => {
  const runner = new StageRunner([short]);
  expect(isDropped(runner.process({ text: "a", source: "1" }))).toBe(true);
  const document = { text: "abc", source: "2" };
  expect(runner.process(document)).toBe(document);
  expect(runner.reports()[0]).toMatchObject({ documentsIn: 2, documentsOut: 1 });
});

test("wrong options are refused by name", () => {
  expect(() => new StageRunner([short, short])).toThrow(ConfigError);
  expect(() => new StageRunner([short, short])).toThrow('two stages named "short"');
  expect(() => new StageRunner([], { sampleCount: -1 })).toThrow(OutOfRangeError);
  expect(() => new StageRunner([], { sampleLength: 0 })).toThrow("sampleLength");
});

test("utf8Length counts what an encoder writes, lone surrogates included", () => {
  const random = createRandom({ seed: 7 });
  const pieces = ["a", "\u007f", "\u0080", "é", "\u07ff", "\u0800", "中", "\uffff", "😀", "\ud83d", "\ude00"];
  for (let round = 0; round < 300; round++) {
    const text = Array.from({ length: random.below(9) }, () => pieces[random.below(pieces.length)]!).join("");
    expect(utf8Length(text)).toBe(new TextEncoder().encode(text).length);
  }
});

test("a sample of a long text shows the first change, wherever it is", () => {
  const stage: DocumentStage = { name: "caps", process: (d) => ({ ...d, text: d.text.replace("here", "HERE") }) };
  const runner = new StageRunner([stage], { sampleLength: 40 });
  runner.process({ text: `${"a".repeat(500)} here ${"b".repeat(500)}`, source: "t:1" });
  runner.process({ text: `here ${"b".repeat(500)}`, source: "t:2" });
  const [far, near] = runner.reports()[0]!.samples;
  expect(far).toMatchObject({
    before: expect.stringContaining("a here b"),
    after: expect.stringContaining("a HERE b"),
  });
  expect([far!.before.length, far!.after!.length]).toEqual([40, 40]);
  expect(near!.after).toBe(`HERE ${"b".repeat(35)}`);
});
