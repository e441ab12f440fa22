import { ConfigError, OutOfRangeError } from "@ds3/errors";
import { uniforms } from "@ds3/testing";
import { expect, test } from "vitest";
import { EmptyDataError } from "../empty-data-error.ts";
import { type MixOptions, mixSources } from "./mix-sources.ts";
import type { Mix, MixCursor, Mixed, MixSource } from "./mix-types.ts";

interface Sized {
  readonly text: string;
  readonly length: number;
}

const measure = ({ length }: Sized): number => length;

/** Documents of random lengths up to `longest`, some of them 0; text says which it is. */
function sized(name: string, count: number, longest: number, seed: number): MixSource<Sized> & { documents: Sized[] } {
  const uniform = uniforms(seed);
  const documents = Array.from({ length: count }, (_, i) => {
    return { text: `${name} ${i}`, length: i === 0 ? longest : Math.floor(uniform() ** 2 * (longest + 1)) };
  });
  return { name, documents };
}

const sizeOf = ({ documents }: { documents: readonly Sized[] }): number =>
  documents.reduce((sum, d) => sum + d.length, 0);

async function take<D extends Sized>(mix: Mix<D>, count = Infinity): Promise<Mixed<D>[]> {
  const taken: Mixed<D>[] = [];
  while (taken.length < count) {
    const { value } = await mix.next();
    if (value === undefined) break;
    taken.push(value);
  }
  return taken;
}

/** How often each document of a source came, by its index. */
function timesOf(
  mixed: readonly Mixed<Sized>[],
  { name, documents }: { name: string; documents: readonly Sized[] },
): number[] {
  const times = documents.map(() => 0);
  for (const { source, index, document } of mixed) {
    if (source !== name) continue;
    expect(document).toBe(documents[index]);
    times[index]! += 1;
  }
  return times;
}

/** Three sources and options, of all kinds, by seed. */
function randomCase(seed: number): {
  sources: (MixSource<Sized> & { documents: Sized[] })[];
  options: MixOptions<Sized>;
} {
  const uniform = uniforms(seed + 1000);
  const below = (bound: number): number => Math.floor(uniform() * bound);
  const sources = ["a", "b", "c"].map((name, i) => sized(name, 1 + below(80), 1 + below(50), 3 * seed + i));
  const total = sources.reduce((sum, source) => sum + sizeOf(source), 0) * (0.2 + 2 * uniform());
  const weights = { a: uniform(), b: 0.2 + uniform(), c: seed % 5 === 0 ? 0 : uniform() };
  const shares = seed % 2 === 0 ? { weights } : { temperature: 0.5 + 4 * uniform() };
  return {
    sources,
    options: { seed, measure, maxEpochs: 1 + below(6), ...shares, ...(seed % 3 === 0 ? {} : { total }) },
  };
}

const cases = Array.from({ length: 80 }, (_, seed) => randomCase(seed));

test("without weights each document comes once, in its source's order", async () => {
  for (let seed = 0; seed < 30; seed++) {
    const { sources } = randomCase(seed);
    const mix = await mixSources(sources, { seed, measure });
    const mixed = await take(mix);
    for (const source of sources) {
      expect(timesOf(mixed, source).every((times) => times === 1)).toBe(true);
      const indices = mixed.filter((each) => each.source === source.name).map(({ index }) => index);
      expect(indices).toEqual(indices.toSorted((a, b) => a - b));
    }
    expect(mix.report().documents).toBe(mixed.length);
  }
});

test("whole epochs have each document once; of the last the planned part, up to one document", async () => {
  for (const { sources, options } of cases) {
    const mix = await mixSources(sources, options);
    const mixed = await take(mix);
    for (const [i, source] of sources.entries()) {
      const { epochs, amount } = mix.report().sources[i]!;
      const times = timesOf(mixed, source);
      for (const count of times) expect([Math.floor(epochs), Math.ceil(epochs)]).toContain(count);
      const longest = Math.max(...source.documents.map(measure));
      expect(Math.abs(amount - epochs * sizeOf(source))).toBeLessThanOrEqual(Number.isInteger(epochs) ? 0 : longest);
      expect(epochs).toBeLessThanOrEqual(options.maxEpochs!);
    }
  }
});

test("the plan: all of each source without a total, that total with one, the weights' shares where nothing is capped", async () => {
  const seen = { capped: 0, free: 0 };
  for (const { sources, options } of cases) {
    const { sources: plans } = (await mixSources(sources, options)).report();
    const amounts = plans.map(({ epochs, size }) => epochs * size);
    const sum = amounts.reduce((a, b) => a + b, 0);
    const isCapped = plans.some(({ capped }) => capped);
    seen[isCapped ? "capped" : "free"]++;
    plans.forEach(({ size, weight, capped, epochs }, i) => {
      expect(size).toBe(options.weights && weight === 0 ? 0 : sizeOf(sources[i]!));
      if (capped) expect(epochs).toBe(options.maxEpochs);
      if (!isCapped) expect(amounts[i]! / sum).toBeCloseTo(weight, 8);
    });
    expect(plans.reduce((shares, { weight }) => shares + weight, 0)).toBeCloseTo(1, 12);
    if (options.total === undefined)
      expect(Math.min(...plans.filter(({ weight }) => weight > 0).map((p) => p.epochs))).toBe(1);
    else if (plans.some(({ capped, weight }) => !capped && weight > 0)) expect(sum / options.total).toBeCloseTo(1, 6);
    else expect(sum).toBeLessThanOrEqual(options.total * (1 + 1e-9));
  }
  expect(seen.capped).toBeGreaterThan(5);
  expect(seen.free).toBeGreaterThan(5);
});

test("at any time each source has its share, up to a document of each", async () => {
  for (const { sources, options } of cases) {
    const mix = await mixSources(sources, options);
    const targets = mix.report().sources.map(({ epochs, size }) => epochs * size);
    const total = targets.reduce((a, b) => a + b, 0);
    const longest = sources.map(({ documents }) => Math.max(...documents.map(measure)));
    const amounts = sources.map(() => 0);
    for await (const { document, source } of mix) {
      amounts[sources.findIndex(({ name }) => name === source)]! += document.length;
      const given = amounts.reduce((a, b) => a + b, 0);
      const slack = longest.reduce((a, b) => a + 2 * b, 0);
      amounts.forEach((amount, i) => {
        expect(Math.abs(amount - (targets[i]! / total) * given)).toBeLessThanOrEqual(slack);
      });
    }
  }
});

test("shares of many documents are those of the weights: given, or p_i ~ n_i^(1/T)", async () => {
  const sources = [sized("web", 3000, 90, 1), sized("maths", 500, 60, 2), sized("code", 800, 70, 3)];
  const weights = { web: 3, maths: 1, code: 1 };
  const explicit = await mixSources(sources, { seed: 1, measure, weights });
  await take(explicit);
  const shares = explicit.report().sources.map(({ share }) => share);
  expect(shares[0]).toBeCloseTo(0.6, 2);
  expect(shares[1]).toBeCloseTo(0.2, 2);
  const sizes = sources.map(sizeOf);
  for (const temperature of [0.5, 1, 2, 5, Infinity]) {
    const mix = await mixSources(sources, { seed: 1, measure, temperature, maxEpochs: 100, total: 3 * sizes[0]! });
    await take(mix);
    const powers = sizes.map((size) => size ** (1 / temperature));
    const sum = powers.reduce((a, b) => a + b, 0);
    mix.report().sources.forEach(({ share }, i) => {
      expect(share).toBeCloseTo(powers[i]! / sum, 2);
    });
  }
});

test("what a capped source lacks, the others give by their weights", async () => {
  const sources = [sized("big", 400, 20, 1), sized("other", 400, 20, 2), sized("tiny", 4, 20, 3)];
  const [, , tiny] = sources.map(sizeOf);
  const total = sizeOf(sources[0]!);
  const weights = { big: 0.4, other: 0.2, tiny: 0.4 };
  const mix = await mixSources(sources, { seed: 1, measure, weights, total, maxEpochs: 3 });
  const planned = mix.report().sources.map(({ epochs, size }) => epochs * size);
  expect(planned[2]).toBeCloseTo(3 * tiny!, 6);
  expect(planned[0]).toBeCloseTo(((total - 3 * tiny!) * 2) / 3, 6);
  expect(planned[1]).toBeCloseTo((total - 3 * tiny!) / 3, 6);
  expect(mix.report().sources.map(({ capped }) => capped)).toEqual([false, false, true]);
});

test("a part of an epoch is spread over the source, other documents for another seed", async () => {
  const source = sized("a", 1000, 30, 4);
  const total = sizeOf(source) / 4;
  const chosen = async (seed: number): Promise<number[]> =>
    timesOf(await take(await mixSources([source], { seed, measure, total })), source);
  const [one, other] = [await chosen(1), await chosen(2)];
  expect(one).not.toEqual(other);
  for (let quarter = 0; quarter < 4; quarter++) {
    const part = source.documents.slice(250 * quarter, 250 * (quarter + 1));
    const kept = part.reduce((sum, { length }, i) => sum + length * one[250 * quarter + i]!, 0);
    expect(kept / sizeOf({ documents: part })).toBeCloseTo(0.25, 1);
  }
});

test("from any cursor, as JSON, what follows is the same, however the documents are read", async () => {
  let quickly = 0;
  for (const [seed, { sources, options }] of cases.entries()) {
    const whole = await take(await mixSources(sources, options));
    const stop = Math.floor(uniforms(seed)() * (whole.length + 1));
    const first = await mixSources(sources, options);
    expect(await take(first, stop)).toEqual(whole.slice(0, stop));
    const cursor = JSON.parse(JSON.stringify(first.cursor())) as MixCursor;
    const streamed = sources.map(({ name, documents }) => ({ name, documents: streamOf(documents) }));
    const indexed = streamed.map((source, i) => {
      const documentsFrom = (index: number): readonly Sized[] => {
        quickly++;
        return sources[i]!.documents.slice(index);
      };
      return { ...source, documentsFrom };
    });
    for (const again of [sources, streamed, indexed]) {
      const rest = await mixSources<Sized>(again, { ...options, cursor });
      expect(await take(rest)).toEqual(whole.slice(stop));
      const planned = rest.report().documents;
      expect(planned).toBe(whole.length);
    }
  }
  expect(quickly).toBeGreaterThan(0);
});

const streamOf = (documents: readonly Sized[]) =>
  async function* (): AsyncGenerator<Sized> {
    yield* documents;
  };

test("the mix follows from its seed", async () => {
  const { sources, options } = cases[1]!;
  const order = async (seed: number): Promise<string[]> =>
    (await take(await mixSources(sources, { ...options, seed }))).map(({ document }) => document.text);
  expect(await order(7)).toEqual(await order(7));
  expect(await order(7)).not.toEqual(await order(8));
});

test("documents count by their ids, or by the bytes of their text", async () => {
  const sizes = async (documents: ({ text: string } | { ids: number[] })[]): Promise<number> =>
    (await mixSources([{ name: "a", documents }], { seed: 1 })).report().sources[0]!.size;
  expect(await sizes([{ text: "aé中" }, { text: "" }])).toBe(6);
  expect(await sizes([{ ids: [1, 2, 3] }, { ids: [4] }])).toBe(4);
});

test("what is being read is closed when the consumer stops", async () => {
  let open = 0;
  const documents = async function* (): AsyncGenerator<Sized> {
    open++;
    try {
      for (let i = 0; i < 10; i++) yield { text: "a", length: 1 };
    } finally {
      open--;
    }
  };
  const sources = ["a", "b"].map((name) => ({ name, documents, size: 10 }));
  for await (const { index } of await mixSources(sources, { seed: 1, measure })) if (index === 3) break;
  expect(open).toBe(0);
});

test("a source that can be read only once is refused, by its name", async () => {
  const once = sized("once", 5, 9, 1).documents.values();
  const sources = [{ name: "once", documents: () => once }];
  const mix = await mixSources(sources, { seed: 1, measure });
  await expect(mix.next()).rejects.toThrow('mix: source "once": expected documents to read, got no document in pass 1');
});

const two = [sized("web", 3, 5, 1), sized("code", 3, 5, 2)];
const refused: [Partial<MixOptions<Sized>>, new (...args: never[]) => Error, string][] = [
  [{ weights: { web: 1, code: 1 }, temperature: 1 }, ConfigError, "either weights or temperature"],
  [{ weights: { web: 1, codes: 1 } }, ConfigError, 'Did you mean "code"?'],
  [{ weights: { web: 1 } }, ConfigError, 'weights["code"]: expected a weight, got none'],
  [{ weights: { web: 1, code: -1 } }, OutOfRangeError, 'weights["code"]'],
  [{ weights: { web: 0, code: 0 } }, EmptyDataError, "weights"],
  [{ temperature: 0 }, OutOfRangeError, "temperature"],
  [{ total: 0 }, OutOfRangeError, "total"],
  [{ maxEpochs: 0.5 }, OutOfRangeError, "maxEpochs"],
  [{ seed: -1 }, OutOfRangeError, "seed"],
  [{ measure: () => Number.NaN }, OutOfRangeError, 'measure of document 0 of source "web"'],
  [{ measure: () => 0 }, EmptyDataError, "sources"],
  [{ measure: () => 0, weights: { web: 1, code: 1 } }, EmptyDataError, 'source "web"'],
];

test.each(refused)("options that are none are named: %o", async (options, type, message) => {
  const promise = mixSources(two, { seed: 1, measure, ...options });
  await expect(promise).rejects.toThrow(type);
  await expect(promise).rejects.toThrow(message);
});

test.each<[unknown, unknown, string]>([
  [undefined, { seed: 1 }, "mixSources: sources: expected an array of sources, got undefined"],
  [{ web: [] }, { seed: 1 }, "sources: expected an array of sources"],
  [[undefined], { seed: 1 }, "sources[0]: expected an object, got undefined"],
  [[{ documents: [] }], { seed: 1 }, "sources[0].name: expected a string, got undefined"],
  [[two[0], { name: "code" }], { seed: 1 }, "sources[1].documents: expected an array of documents, or a function"],
  [two, undefined, "options: expected an object, got undefined"],
  [two, { seed: 1, weight: {} }, 'Did you mean "weights"?'],
  [two, { seed: 1, measure: "bytes" }, "measure: expected a function"],
  [two, { seed: 1, weights: 3 }, "weights: expected an object, got 3"],
])("what is no source and no option is a named error: %#", async (sources, options, message) => {
  const promise = mixSources(sources as never, options as never);
  await expect(promise).rejects.toThrow(ConfigError);
  await expect(promise).rejects.toThrow(message);
});

test.each(["temperature", "maxEpochs", "total", "seed"])("%s is a number, no text", async (name) => {
  const promise = mixSources(two, { seed: 1, measure, [name]: "2" } as never);
  await expect(promise).rejects.toThrow(OutOfRangeError);
  await expect(promise).rejects.toThrow(`${name}: expected`);
});

test("sources without a name of their own, and none at all, are refused", async () => {
  await expect(mixSources([two[0]!, two[0]!], { seed: 1, measure })).rejects.toThrow('two named "web"');
  await expect(mixSources([], { seed: 1 })).rejects.toThrow(EmptyDataError);
  await expect(mixSources([{ ...two[0]!, size: -1 }], { seed: 1, measure })).rejects.toThrow('size of source "web"');
});

test("a cursor of another mix is refused", async () => {
  const options = { seed: 1, measure, weights: { web: 1, code: 2 } };
  const mix = await mixSources(two, options);
  await take(mix, 2);
  const cursor = mix.cursor();
  const changed = { ...cursor, sources: [{ ...cursor.sources[0]!, index: -1 }, cursor.sources[1]!] };
  const attempts: [MixSource<Sized>[], MixOptions<Sized>, string][] = [
    [[two[1]!, two[0]!], { ...options, cursor }, "cursor.sources"],
    [two, { ...options, seed: 2, cursor }, "cursor.seed"],
    [two, { ...options, weights: { web: 1, code: 9 }, cursor }, "epochs"],
    [[{ ...two[0]!, size: 12_345 }, two[1]!], { ...options, cursor }, "cursor.sources[0].size"],
    [two, { ...options, cursor: changed }, "cursor.sources[0].index"],
  ];
  for (const [sources, wrong, message] of attempts) {
    await expect(mixSources(sources, wrong)).rejects.toThrow(OutOfRangeError);
    await expect(mixSources(sources, wrong)).rejects.toThrow(message);
  }
});
