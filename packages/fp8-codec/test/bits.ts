import type { Fixture } from "@ds3/testing";
import { expect } from "vitest";

/** f32 values as their bits, which tell NaNs and zeros apart. */
export const bitsOf = (values: Float32Array): Uint32Array =>
  new Uint32Array(values.buffer, values.byteOffset, values.length);

/** f32 values of bits. */
export const floatsOf = (bits: ArrayLike<number>): Float32Array => new Float32Array(Uint32Array.from(bits).buffer);

/** A stored tensor of codes. */
export const storedCodes = (fixture: Fixture, name: string): ArrayLike<number> =>
  fixture.tensor(name).data as Uint8Array | Uint16Array;

/** A stored f32 tensor. */
export const storedFloats = (fixture: Fixture, name: string): Float32Array => Float32Array.from(fixture.f64(name));

/** Every element is the same; the first that is not is named. Quicker than toEqual. */
export function expectSame(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < actual.length; i++) {
    if (!Object.is(actual[i], expected[i])) expect(`[${i}] ${actual[i]}`).toBe(`[${i}] ${expected[i]}`);
  }
}
