import { uniforms } from "./seeded.ts";

/** Named double-precision arrays: the inputs of a function, or its gradients. */
export type Arrays = Readonly<Record<string, Float64Array>>;

/** How {@link checkGradient} probes. */
export interface GradientCheckOptions {
  /** Step of the central differences; default 1e-3. */
  readonly h?: number;
  /** Largest allowed error relative to the largest gradient of the same input; default 1e-8. */
  readonly tolerance?: number;
  /** Probe at most this many elements of each input, drawn with `seed`; default 64. */
  readonly samples?: number;
  readonly seed?: number;
}

/**
 * Check a hand-written gradient against central differences, all in f64.
 *
 * `f` maps the inputs to a scalar, `backward` to the gradients under the same names. The stencil has five points:
 * f'(x) = (8 (f(x+h) - f(x-h)) - (f(x+2h) - f(x-2h))) / 12h, with an error of O(h^4), so h = 1e-3 leaves about 1e-11
 * where two points leave 1e-7. Returns the worst relative error met; throws when it exceeds the tolerance, naming
 * input, element and both values.
 */
export function checkGradient<Inputs extends Arrays>(
  f: (inputs: Inputs) => number,
  backward: (inputs: Inputs) => { readonly [Name in keyof Inputs]: Float64Array },
  inputs: Inputs,
  options: GradientCheckOptions = {},
): number {
  const { h = 1e-3, tolerance = 1e-8, samples = 64, seed = 1 } = options;
  const gradients = backward(inputs);
  let worst = 0;
  for (const name of Object.keys(inputs)) {
    const gradient = gradients[name];
    const input = inputs[name];
    if (gradient?.length !== input.length) {
      throw new Error(`gradient of ${name}: ${gradient?.length} elements, expected ${input.length}`);
    }
    const largest = gradient.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    for (const i of probes(input.length, samples, seed)) {
      const measured = centralDifference(() => f(inputs), input, i, h);
      const error = Math.abs(measured - gradient[i]) / Math.max(largest, 1e-12);
      if (!(error <= tolerance)) {
        throw new Error(`gradient of ${name}[${i}]: ${gradient[i]}, central difference ${measured}, relative ${error}`);
      }
      worst = Math.max(worst, error);
    }
  }
  return worst;
}

function centralDifference(f: () => number, input: Float64Array, i: number, h: number): number {
  const middle = input[i];
  const at = (offset: number) => {
    input[i] = middle + offset;
    return f();
  };
  const slope = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
  input[i] = middle;
  return slope;
}

function probes(length: number, samples: number, seed: number): number[] {
  if (length <= samples) return Array.from({ length }, (_, i) => i);
  const next = uniforms(seed);
  return Array.from({ length: samples }, () => Math.floor(next() * length));
}
