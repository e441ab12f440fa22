import type { Fixture, Tolerance } from "./fixtures.ts";

/** What {@link expectClose} compares by and how it names things in its message. */
export interface ClosenessOptions extends Tolerance {
  /** The tensor's name in messages. */
  readonly name: string;
  /** With it, the message gives coordinates instead of a flat index. */
  readonly shape?: readonly number[];
}

/**
 * Compare elementwise: |got - want| <= atol + rtol |want|. A NaN on either side is a difference.
 *
 * The message has the number of offenders, the worst difference, its coordinates and both values.
 */
export function expectClose(got: ArrayLike<number>, want: ArrayLike<number>, options: ClosenessOptions): void {
  const { name, shape, atol = 0, rtol = 0 } = options;
  if (got.length !== want.length) throw new Error(`${name}: ${got.length} elements, expected ${want.length}`);
  let worst = -1;
  let worstExcess = 0;
  let offenders = 0;
  for (let i = 0; i < want.length; i++) {
    const excess = Math.abs(got[i] - want[i]) - (atol + rtol * Math.abs(want[i]));
    if (excess <= 0) continue;
    offenders++;
    if (worst < 0 || !(excess <= worstExcess)) {
      worst = i;
      worstExcess = excess;
    }
  }
  if (worst < 0) return;
  const place = shape === undefined ? `${worst}` : coordinates(worst, shape).join(", ");
  throw new Error(
    `${name}: ${offenders} of ${want.length} elements differ by more than atol ${atol} + rtol ${rtol}; worst at ` +
      `[${place}]: got ${got[worst]}, expected ${want[worst]}, difference ${Math.abs(got[worst] - want[worst])}`,
  );
}

/** Compare with a fixture's tensor by the fixture's own tolerance: rtol elementwise where it has one, else atol. */
export function expectFixture(fixture: Fixture, name: string, got: ArrayLike<number>): void {
  const { atol, rtol } = fixture.meta.tolerance[name] ?? {};
  if (atol === undefined && rtol === undefined) throw new Error(`${name}: the fixture states no tolerance`);
  const tolerance = rtol === undefined ? { atol: atol! } : { rtol };
  expectClose(got, fixture.f64(name), { name, shape: fixture.tensor(name).shape, ...tolerance });
}

/**
 * Compare a double-precision result with a fixture's tensor as tightly as its storage permits: half a unit in the last
 * place of the stored f32 (nothing for F64), plus 1e-10 of the tensor's largest value for the order of summation.
 */
export function expectStored(fixture: Fixture, name: string, got: ArrayLike<number>): void {
  const want = fixture.f64(name);
  const largest = want.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  const { dtype, shape } = fixture.tensor(name);
  const rtol = dtype === "F64" ? 0 : 1.0001 * 2 ** -24;
  expectClose(got, want, { name, shape, rtol, atol: 1e-10 * largest });
}

/** Compare integers exactly, with a fixture's tensor. */
export function expectExact(fixture: Fixture, name: string, got: ArrayLike<number>): void {
  expectClose(got, fixture.i32(name), { name, shape: fixture.tensor(name).shape });
}

function coordinates(flat: number, shape: readonly number[]): number[] {
  const place: number[] = [];
  let rest = flat;
  for (const size of [...shape].reverse()) {
    place.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return place;
}
