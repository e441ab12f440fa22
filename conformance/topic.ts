import type { Gpu } from "@ds3/tensor";
import type { Fixture } from "@ds3/testing/fixtures";
import type { TensorReport } from "./run-fixture.ts";

/** One way in which the code under test computed a tensor of a fixture. */
export interface Result {
  /** How, for messages: `generate`, `mlaDecode`. */
  readonly via: string;
  readonly data: ArrayLike<number>;
  /** Flat indices of the elements that `data` holds; absent: all of them, in order. */
  readonly at?: ArrayLike<number>;
  /** Codes of quotients that a device computed, which WebGPU lets be off by 2.5 ulp. */
  readonly isDivided?: true;
}

/** Results by the fixture's own tensor names. A tensor may be computed in several ways: each must agree. */
export type Produced = ReadonlyMap<string, readonly Result[]>;

/** A fixture as a topic's runner gets it. */
export interface TopicFixture {
  readonly meta: Readonly<Record<string, unknown>> & { readonly config: Readonly<Record<string, unknown>> };
  /** Folder of the fixture's files; checkpoints lie beside them. */
  readonly folder: string;
  /** Its tensors. @throws Error when it is a table, which has none. */
  readonly tensors: () => Fixture;
}

/** Runs the code under test on a fixture's inputs. It never sees tolerances: the comparison is not its business. */
export type TopicRunner = (fixture: TopicFixture, gpu: () => Promise<Gpu>) => Promise<Produced>;

/** Fixtures of a format of its own, which no tensors describe: the topic lists and asserts them itself. */
export interface OwnTopic {
  /** The fixtures of the topic's folder (undefined when there is none), and of places that the topic knows. */
  readonly list: (folder: string | undefined) => OwnListing;
}

/** What an own topic found, and lines about what it did not. */
export interface OwnListing {
  readonly fixtures: readonly OwnFixture[];
  readonly notes: readonly string[];
}

/** One fixture of an own topic. */
export interface OwnFixture {
  readonly name: string;
  /** What became of each thing that it states. @throws Error when it cannot be read: then it has failed. */
  readonly run: () => readonly TensorReport[];
}

/** A runner, a topic of its own format, or the reason why all fixtures of the topic are skipped. */
export type Topic = TopicRunner | OwnTopic | string;

/** True for a topic that lists its fixtures itself. */
export function isOwnTopic(topic: Topic): topic is OwnTopic {
  return typeof topic === "object";
}

/** Collects results while their data is still on its way from the GPU. */
export class Results {
  readonly #pending: {
    name: string;
    via: string;
    data: ArrayLike<number> | Promise<ArrayLike<number>>;
    at?: number[];
    isDivided?: true;
  }[] = [];

  /** `at`: flat indices, when the data is only a part of the tensor. */
  add(name: string, via: string, data: ArrayLike<number> | Promise<ArrayLike<number>>, at?: number[]): void {
    // Awaited together at the end: a rejection before that is not unhandled.
    if (data instanceof Promise) data.catch(() => {});
    this.#pending.push({ name, via, data, ...(at ? { at } : {}) });
  }

  /** Codes of x / scale whose quotients a device rounded: single ones may be the next code. */
  addDivided(name: string, via: string, data: Promise<ArrayLike<number>>): void {
    this.add(name, via, data);
    this.#pending.at(-1)!.isDivided = true;
  }

  async collect(): Promise<Produced> {
    const produced = new Map<string, Result[]>();
    for (const { name, data, ...how } of this.#pending) {
      produced.set(name, [...(produced.get(name) ?? []), { ...how, data: await data }]);
    }
    return produced;
  }
}
