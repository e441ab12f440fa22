import { linearBackwardRef, linearRef } from "@ds3/tensor/reference";
import type { BlockRef } from "../src/reference.ts";

/**
 * A small causal block for tests of the modules around it: x_i + mean over j <= i of W x_j.
 * W [D, D]; the gradient of W is added to `gradWeight`.
 */
export function meanBlock(weight: Float64Array, gradWeight: Float64Array): BlockRef {
  const D = Math.sqrt(weight.length);
  return (x, { length }) => {
    const mixed = linearRef(x, weight, D);
    const out = x.map((value, at) => {
      const i = Math.floor(at / D) % length;
      let sum = 0;
      for (let j = 0; j <= i; j++) sum += mixed[at - j * D];
      return value + sum / (i + 1);
    });
    const backward = (gradOut: Float64Array) => {
      const gradMixed = mixed.map((_, at) => {
        const j = Math.floor(at / D) % length;
        let sum = 0;
        for (let i = j; i < length; i++) sum += gradOut[at + (i - j) * D] / (i + 1);
        return sum;
      });
      const grads = linearBackwardRef(gradMixed, x, weight, D);
      grads.weight.forEach((value, i) => {
        gradWeight[i] += value;
      });
      return grads.x.map((value, i) => value + gradOut[i]);
    };
    return { out, backward };
  };
}
