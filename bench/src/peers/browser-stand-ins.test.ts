import { expect, test } from "vitest";
import { provideIteratorHelpers } from "./iterator-helpers.ts";
import { provideWebWorker } from "./web-worker.ts";

/** An iterator with the methods that TypeScript's library of ES2023 does not know. */
interface Helped<T> {
  map<U>(fn: (value: T, index: number) => U): Helped<U>;
  filter(accepts: (value: T) => boolean): Helped<T>;
  flatMap<U>(fn: (value: T) => Iterable<U>): Helped<U>;
  some(accepts: (value: T) => boolean): boolean;
  every(accepts: (value: T) => boolean): boolean;
  find(accepts: (value: T) => boolean): T | undefined;
  forEach(fn: (value: T) => void): void;
  reduce<U>(fn: (sum: U, value: T) => U, start: U): U;
  toArray(): T[];
}

/** The part of a browser's worker that is used here. */
interface TestWorker {
  onmessage: (event: { data: unknown }) => void;
  onerror: (event: { message: string }) => void;
  postMessage(message: unknown): void;
}

function startWorker(url: string): TestWorker {
  provideWebWorker();
  const { Worker } = globalThis as unknown as { Worker: new (url: string) => TestWorker };
  return new Worker(url);
}

test("a worker from a blob gets messages and answers, those sent before it started too", async () => {
  const script = "self.onmessage = ({ data }) => postMessage(data.map((x) => 2 * x))";
  const url = URL.createObjectURL(new Blob([script]));
  const worker = startWorker(url);
  const answer = new Promise((resolve) => {
    worker.onmessage = ({ data }) => resolve(data);
  });
  worker.postMessage([1, 2]);
  expect(await answer).toEqual([2, 4]);
});

test("a script that is not there is an error event", async () => {
  const worker = startWorker("blob:nodedata:no-such-script");
  const message = await new Promise((resolve) => {
    worker.onerror = (event) => resolve(event.message);
  });
  expect(message).toMatch(/no-such-script/);
});

test("iterators have the methods of arrays", () => {
  provideIteratorHelpers();
  const values = (): Helped<number> => new Set([1, 2, 3, 4]).values() as unknown as Helped<number>;
  expect(
    values()
      .map((x, i) => x * i)
      .toArray(),
  ).toEqual([0, 2, 6, 12]);
  expect(
    values()
      .filter((x) => x % 2 === 0)
      .toArray(),
  ).toEqual([2, 4]);
  expect(
    values()
      .flatMap((x) => [x, -x])
      .toArray(),
  ).toEqual([1, -1, 2, -2, 3, -3, 4, -4]);
  expect([values().some((x) => x > 3), values().some((x) => x > 4)]).toEqual([true, false]);
  expect([values().every((x) => x > 0), values().every((x) => x > 1)]).toEqual([true, false]);
  expect([values().find((x) => x > 2), values().find((x) => x > 4)]).toEqual([3, undefined]);
  expect(values().reduce((sum, x) => sum - x, 0)).toBe(-10);
  const seen: number[] = [];
  values().forEach((x) => {
    seen.push(x);
  });
  expect(seen).toEqual([1, 2, 3, 4]);
});
