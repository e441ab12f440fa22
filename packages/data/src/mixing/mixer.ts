import { OutOfRangeError } from "@ds3/errors";
import { utf8Length } from "../utf8-length.ts";
import type {
  Mix,
  MixBaseOptions,
  MixCursor,
  MixDocument,
  Mixed,
  MixReport,
  MixSource,
  MixSourceCursor,
} from "./mix-types.ts";
import type { SourcePlan } from "./plan-epochs.ts";
import { countSource, noDocuments, SourceReader } from "./source-reader.ts";

/** Options of `startMix`. */
export interface StartMixOptions<D extends MixDocument> extends MixBaseOptions<D> {
  readonly op: string;
  /** Sources that are not asked how large they are. */
  readonly isLeftOut?: (name: string) => boolean;
}

/** Measures the sources, or takes the sizes of the cursor, and begins the mix that is planned for these sizes. */
export async function startMix<D extends MixDocument>(
  sources: readonly MixSource<D>[],
  plan: (sizes: readonly number[]) => readonly SourcePlan[],
  options: StartMixOptions<D>,
): Promise<Mix<D>> {
  const { op, cursor, seed, measure = defaultMeasure, isLeftOut = () => false } = options;
  if (cursor !== undefined) requireSources(op, cursor, sources, seed);
  const sizes: number[] = [];
  for (const [i, source] of sources.entries()) {
    const known = cursor?.sources[i]?.size ?? source.size;
    sizes.push(isLeftOut(source.name) ? 0 : (known ?? (await countSource(source, measure))));
  }
  const plans = plan(sizes);
  const places = plans.map(({ weight, epochs }, i): MixSourceCursor => {
    const [name, size] = [sources[i]!.name, sizes[i]!];
    if (weight > 0 && size === 0) throw noDocuments(name, "size 0");
    const begin = { name, size, epochs, epoch: 0, index: 0, seen: 0, kept: 0, documents: 0, amount: 0 };
    return cursor === undefined ? begin : requirePlace(op, cursor.sources[i]!, begin, i);
  });
  const readers = places.map((place, i) => new SourceReader(sources[i]!, place, { seed, measure }));
  return new Mixer(readers, plans, seed);
}

class Mixer<D extends MixDocument> implements Mix<D> {
  readonly #readers: readonly SourceReader<D>[];
  readonly #plans: readonly SourcePlan[];
  readonly #seed: number;
  readonly #documents: AsyncGenerator<Mixed<D>, undefined>;

  constructor(readers: readonly SourceReader<D>[], plans: readonly SourcePlan[], seed: number) {
    this.#readers = readers;
    this.#plans = plans;
    this.#seed = seed;
    this.#documents = this.#run();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Mixed<D>, undefined>> {
    return this.#documents.next();
  }

  return(): Promise<IteratorResult<Mixed<D>, undefined>> {
    return this.#documents.return(undefined);
  }

  cursor(): MixCursor {
    return { seed: this.#seed, sources: this.#readers.map(({ place }) => place) };
  }

  report(): MixReport {
    const places = this.#readers.map(({ place }) => place);
    const sum = (key: "documents" | "amount"): number => places.reduce((total, place) => total + place[key], 0);
    const total = sum("amount");
    const sources = places.map(({ name, size, epochs, documents, amount }, i) => {
      const { weight, capped } = this.#plans[i]!;
      return { name, size, weight, share: total > 0 ? amount / total : 0, epochs, capped, documents, amount };
    });
    return { documents: sum("documents"), amount: total, sources };
  }

  async *#run(): AsyncGenerator<Mixed<D>, undefined> {
    try {
      for (const reader of this.#readers) await reader.find();
      for (let next = this.#first(); next !== undefined; next = this.#first()) {
        yield next.take();
        await next.find();
      }
    } finally {
      for (const reader of this.#readers) await reader.close();
    }
  }

  /** The source whose next document goes first; of equal ones the first. */
  #first(): SourceReader<D> | undefined {
    let first: SourceReader<D> | undefined;
    for (const reader of this.#readers) {
      const position = reader.head?.position;
      if (position !== undefined && position < (first?.head?.position ?? Infinity)) first = reader;
    }
    return first;
  }
}

function defaultMeasure(document: MixDocument): number {
  return "ids" in document ? document.ids.length : utf8Length(document.text);
}

function requireSources(
  op: string,
  cursor: MixCursor,
  sources: readonly { readonly name: string; readonly size?: number }[],
  seed: number,
): void {
  const names = (cursor.sources ?? []).map(({ name }) => name);
  const own = sources.map(({ name }) => name);
  if (JSON.stringify(names) !== JSON.stringify(own)) {
    throw misplaced(op, "cursor.sources", JSON.stringify(own), JSON.stringify(names));
  }
  if (cursor.seed !== seed) throw misplaced(op, "cursor.seed", `${seed}`, `${cursor.seed}`);
  for (const [i, { size }] of sources.entries()) {
    const found = cursor.sources[i]!.size;
    if (size !== undefined && found !== size) throw misplaced(op, `cursor.sources[${i}].size`, `${size}`, `${found}`);
  }
}

function requirePlace(op: string, place: MixSourceCursor, begin: MixSourceCursor, i: number): MixSourceCursor {
  const operand = `cursor.sources[${i}]`;
  if (place.epochs !== begin.epochs) throw misplaced(op, `${operand}.epochs`, `${begin.epochs}`, `${place.epochs}`);
  for (const key of ["epoch", "index", "documents", "seen", "kept", "amount"] as const) {
    const isFine = key === "seen" || key === "kept" || key === "amount" ? Number.isFinite : Number.isSafeInteger;
    if (isFine(place[key]) && place[key] >= 0) continue;
    throw misplaced(op, `${operand}.${key}`, "a count", `${place[key]}`);
  }
  return place;
}

function misplaced(op: string, operand: string, expected: string, actual: string): OutOfRangeError {
  const hint = "A cursor belongs to one mix: its sources, its options and its seed.";
  return new OutOfRangeError({ op, operand, expected, actual, hint });
}
