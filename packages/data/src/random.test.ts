import { OutOfRangeError } from "@ds3/errors";
import { expect, test } from "vitest";
import { createRandom, permutation } from "./random.ts";

/** xoshiro128** 1.1 from its definition, in exact integers. */
function* xoshiroReference(start: readonly number[]): Generator<number> {
  const mask = (1n << 32n) - 1n;
  const rotate = (x: bigint, k: bigint): bigint => ((x << k) | (x >> (32n - k))) & mask;
  const s = start.map(BigInt) as [bigint, bigint, bigint, bigint];
  for (;;) {
    yield Number((rotate((s[1] * 5n) & mask, 7n) * 9n) & mask);
    const t = (s[1] << 9n) & mask;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 11n);
  }
}

test("the integers are those of xoshiro128**", () => {
  for (const state of [[1, 2, 3, 4] as const, [0xffffffff, 0x80000000, 7, 0xdeadbeef] as const]) {
    const random = createRandom({ state });
    const reference = xoshiroReference(state);
    for (let i = 0; i < 1000; i++) expect(random.nextUint32()).toBe(reference.next().value);
  }
  expect(createRandom({ state: [1, 2, 3, 4] }).nextUint32()).toBe(11520);
});

test("seeds and streams give different numbers, the same ones the same", () => {
  const first = (seed: number, stream: number): number => createRandom({ seed, stream }).nextUint32();
  const values = [0, 1, 2 ** 32, 2 ** 32 + 1, 2 ** 52].flatMap((seed) => [0, 1, 2 ** 32].map((s) => first(seed, s)));
  expect(new Set(values).size).toBe(values.length);
  expect(first(5, 7)).toBe(first(5, 7));
});

test("the state goes through JSON and continues the stream", () => {
  const random = createRandom({ seed: 3 });
  random.nextFloat();
  const copy = createRandom({ state: JSON.parse(JSON.stringify(random.state())) });
  expect([copy.nextUint32(), copy.nextFloat()]).toEqual([random.nextUint32(), random.nextFloat()]);
});

test("below and nextFloat fill their ranges evenly", () => {
  const random = createRandom({ seed: 11 });
  const counts = new Array<number>(7).fill(0);
  let sum = 0;
  for (let i = 0; i < 70_000; i++) {
    counts[random.below(7)]!++;
    sum += random.nextFloat();
  }
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  expect(Math.abs(sum / 70_000 - 0.5)).toBeLessThan(0.005);
});

test("permutation holds every index once, and each place takes each value", () => {
  const seen = new Set<string>();
  for (let stream = 0; stream < 200; stream++) {
    const order = permutation(4, { seed: 1, stream });
    expect([...order].sort()).toEqual([0, 1, 2, 3]);
    seen.add(order.join(""));
  }
  expect(seen.size).toBe(24);
});

test("what is no seed, bound or state is refused", () => {
  expect(() => createRandom({ seed: 0.5 })).toThrow(OutOfRangeError);
  expect(() => createRandom({ seed: -1 })).toThrow(/seed: expected an integer of at least 0/);
  expect(() => createRandom({ state: [0, 0, 0, 0] })).toThrow(/not all zero/);
  expect(() => createRandom({ seed: 0 }).below(0)).toThrow(/bound/);
});
