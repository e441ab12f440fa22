import { ConfigError, OutOfRangeError } from "@ds3/errors";
import { uniforms } from "@ds3/testing";
import { expect, test } from "vitest";
import { createFim, type FimOptions } from "./create-fim.ts";

const [BEGIN, HOLE, END, EOS] = [0x200001, 0x200002, 0x200003, 0x200004];
/** Ids are UTF-16 units, so that ids say which text they are of. */
const encode = (text: string): number[] => Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
const base: FimOptions = { fimBegin: BEGIN, fimHole: HOLE, fimEnd: END, eos: EOS, seed: 1, encode };
const decode = (ids: Int32Array): string => String.fromCharCode(...ids);

/** Texts of letters, Han characters, pairs of surrogates, line ends and lone surrogates. */
const alphabet = ["a", "b", " ", "\n", "\r\n", "é", "e\u0301", "中", "文", "😀", "👩‍💻", "\ud83d", "\udc00"];
const texts = Array.from({ length: 600 }, (_, seed) => {
  const uniform = uniforms(seed);
  const length = Math.floor(uniform() ** 2 * 60);
  return Array.from({ length }, () => alphabet[Math.floor(uniform() * alphabet.length)]!).join("");
});

/** The parts of `begin prefix hole suffix end middle eos`, by the places of the ids. */
function readPsm(ids: Int32Array): { prefix: string; middle: string; suffix: string } {
  const [hole, end] = [ids.indexOf(HOLE), ids.indexOf(END)];
  expect([ids[0], ids.at(-1)]).toEqual([BEGIN, EOS]);
  expect(hole).toBeGreaterThan(0);
  expect(end).toBeGreaterThan(hole);
  const part = (from: number, to: number): string => decode(ids.subarray(from, to));
  return { prefix: part(1, hole), suffix: part(hole + 1, end), middle: part(end + 1, ids.length - 1) };
}

test("prefix + middle + suffix is the document, in the order PSM, and no pair of surrogates is cut", () => {
  const fim = createFim({ ...base, rate: 1 });
  for (const [i, text] of texts.entries()) {
    const ids = fim.encode(text, `${i}`);
    if (text === "") {
      expect([...ids]).toEqual([EOS]);
      continue;
    }
    const { prefix, middle, suffix } = readPsm(ids);
    expect(prefix + middle + suffix).toBe(text);
    expect([...prefix].length + [...middle].length + [...suffix].length).toBe([...text].length);
    expect(fim.cut(text, `${i}`)).toEqual({ prefix, middle, suffix });
    expect(ids.length).toBe(text.length + 4);
  }
});

test("a document's outcome follows from its key, whatever came before", () => {
  const forward = createFim({ ...base, rate: 0.5 });
  const backward = createFim({ ...base, rate: 0.5 });
  const one = texts.map((text, i) => forward.encode(text, `file:${i}`));
  const other = texts.map((_, i) => backward.encode(texts.at(-1 - i)!, `file:${texts.length - 1 - i}`)).reverse();
  expect(one).toEqual(other);
  const reseeded = createFim({ ...base, rate: 0.5, seed: 2 });
  expect(texts.map((text, i) => reseeded.encode(text, `file:${i}`))).not.toEqual(one);
  expect(texts.map((text, i) => forward.encode(text, `other:${i}`))).not.toEqual(one);
});

test("a tenth of the documents is rearranged, the others are plain", () => {
  const fim = createFim(base);
  const count = 20_000;
  let rearranged = 0;
  for (let i = 0; i < count; i++) {
    const ids = fim.encode("a text", `${i}`);
    if (ids[0] === BEGIN) rearranged++;
    else expect(decode(ids.subarray(0, -1))).toBe("a text");
  }
  expect(fim.report()).toEqual({ documents: count, rearranged, skipped: 0 });
  const deviation = Math.sqrt(count * 0.1 * 0.9);
  expect(Math.abs(rearranged - 0.1 * count)).toBeLessThan(4 * deviation);
});

test("cuts are uniform over the borders of code points, both of them, and independent", () => {
  const fim = createFim({ ...base, rate: 1 });
  const text = "a😀b中"; // borders 0 1 3 4 5 in units
  const count = 25_000;
  const counts = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    const { prefix, middle } = fim.cut(text, `${i}`)!;
    const key = `${prefix.length} ${prefix.length + middle.length}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const borders = [0, 1, 3, 4, 5];
  expect(counts.size).toBe(15);
  for (const from of borders) {
    for (const to of borders.filter((border) => border >= from)) {
      const expected = (count * (from === to ? 1 : 2)) / 25;
      expect(Math.abs(counts.get(`${from} ${to}`)! - expected)).toBeLessThan(4.5 * Math.sqrt(expected));
    }
  }
});

test("parts are encoded apart, empty ones not at all", () => {
  const calls: string[] = [];
  const whole = (text: string): number[] => {
    calls.push(text);
    return [text.length];
  };
  const fim = createFim({ ...base, rate: 1, encode: whole });
  for (const [i, text] of texts.entries()) {
    const { prefix, middle, suffix } = fim.cut(text, `${i}`) ?? { prefix: text, middle: "", suffix: "" };
    calls.length = 0;
    fim.encode(text, `${i}`);
    expect(calls.sort()).toEqual([prefix, middle, suffix].filter((part) => part !== "").sort());
  }
});

test("documents with the text of a special token stay as they are, and are counted", () => {
  const skip = ["<｜fim▁hole｜>", "<|EOT|>", "[x](y).*"];
  const fim = createFim({ ...base, rate: 1, skip });
  for (const token of skip) {
    const text = `before ${token} after`;
    expect([...fim.encode(text, "k")]).toEqual([...encode(text), EOS]);
    expect(fim.cut(text, "k")).toBeUndefined();
  }
  expect(fim.encode("before <|EOT> x](y) after", "k")[0]).toBe(BEGIN);
  expect(fim.report()).toEqual({ documents: 4, rearranged: 1, skipped: 3 });
});

test("without eos nothing stands after a document; with rate 0 every document is plain", () => {
  const { eos: _, ...bare } = base;
  expect([...createFim({ ...bare, rate: 0 }).encode("abc", "k")]).toEqual(encode("abc"));
  const ids = createFim({ ...bare, rate: 1 }).encode("abc", "k");
  expect(ids.length).toBe(6);
  expect(ids).not.toContain(EOS);
});

test("options that are none are named", () => {
  expect(() => createFim({ ...base, rate: 1.1 })).toThrow("createFim: rate: expected a number in [0, 1], got 1.1");
  expect(() => createFim({ ...base, rate: Number.NaN })).toThrow(OutOfRangeError);
  expect(() => createFim({ ...base, seed: -1 })).toThrow(OutOfRangeError);
  expect(() => createFim({ ...base, fimHole: 1.5 })).toThrow("fimHole");
  expect(() => createFim({ ...base, fimHole: BEGIN })).toThrow(
    `fimHole: expected an id of its own, got ${BEGIN}, as fim`,
  );
  expect(() => createFim({ ...base, skip: [""] })).toThrow(ConfigError);
});

test("keys and values that are none are named", () => {
  expect(() => createFim({ ...base, rates: 0.5 } as never)).toThrow('"rates". Did you mean "rate"?');
  expect(() => createFim({ ...base, encode: "bytes" } as never)).toThrow("encode: expected a function");
  for (const none of [undefined, { ...base, encode: undefined }])
    expect(() => createFim(none as never)).toThrow(ConfigError);
});
