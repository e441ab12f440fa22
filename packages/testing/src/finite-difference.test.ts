import { expect, test } from "vitest";
import { checkGradient } from "./finite-difference.ts";

const f = ({ x }: { x: Float64Array }) => Math.sin(x[0]) * Math.exp(x[1]);
const inputs = () => ({ x: Float64Array.of(0.3, -0.7) });
const gradient = ({ x }: { x: Float64Array }) =>
  Float64Array.of(Math.cos(x[0]) * Math.exp(x[1]), Math.sin(x[0]) * Math.exp(x[1]));

test("a right gradient is met to 1e-11, and the inputs are left as they were", () => {
  const given = inputs();
  expect(checkGradient(f, (at) => ({ x: gradient(at) }), given)).toBeLessThan(1e-11);
  expect(given).toEqual(inputs());
});

test("an error of one part in ten million is found and named", () => {
  const wrong = (at: { x: Float64Array }) => ({ x: gradient(at).map((value, i) => value * (i === 1 ? 1 + 1e-7 : 1)) });
  expect(() => checkGradient(f, wrong, inputs())).toThrow(/gradient of x\[1\]: .* central difference/);
});

test("a missing gradient is an error", () => {
  expect(() => checkGradient(f, () => ({}) as { x: Float64Array }, inputs())).toThrow(
    /gradient of x: undefined elements/,
  );
});
