import { DtypeError, OutOfRangeError, ShapeError } from "@ds3/errors";
import { flatGrid, record, type Tensor, teamOf } from "@ds3/tensor";
import { spreadToSequencesWgsl, sumSequencesWgsl } from "./sum-sequences.wgsl.ts";

/**
 * Sums of ragged sequences: values f32 [R], the values of N sequences one after the other, to [N].
 *
 * `starts`: first index of each sequence, and R: N + 1 entries, from 0, never falling. A sequence without values has the
 * sum 0. Differentiable. Cost: one dispatch forward, one backward.
 * @throws ShapeError when the values are no vector or `starts` does not end at R; OutOfRangeError when it falls or does
 * not begin at 0; DtypeError.
 */
export function sumSequences(values: Tensor, starts: Int32Array): Tensor {
  checkOperands(values, starts);
  const { gpu } = values;
  const N = starts.length - 1;
  const uploaded = gpu.tensor(starts, [N + 1], "i32", "starts");
  const sums = gpu.empty([N], "f32", "sequence sums");
  const team = teamOf(gpu.target);
  gpu.dispatch(sumSequencesWgsl(team), { values, starts: uploaded, sums }, { N }, flatGrid(N, 1));
  record(gpu, {
    label: "sumSequences",
    inputs: [values],
    outputs: [sums],
    saved: [uploaded],
    backward: ([gradSums], sink) => {
      sink.into(values, (gradValues, accumulate) => {
        const operands = { gradSums: gradSums!, starts: uploaded, gradValues };
        const kernel = spreadToSequencesWgsl(team.size);
        gpu.dispatch(kernel, operands, { N, accumulate: accumulate ? 1 : 0 }, flatGrid(N, 1));
      });
    },
  });
  return sums;
}

function checkOperands(values: Tensor, starts: Int32Array): void {
  const op = "sumSequences";
  const [R] = values.shape;
  if (values.dtype !== "f32") {
    throw new DtypeError({ op, operand: "values", expected: "f32", actual: `${values}` });
  }
  if (values.shape.length !== 1 || starts.length < 2 || starts.at(-1) !== R) {
    const expected = `[R=${starts.at(-1)}], as starts ends there`;
    throw new ShapeError({ op, operand: "values", expected, actual: `${values} and ${starts.length} starts` });
  }
  const wrong = starts.findIndex((start, n) => (n === 0 ? start !== 0 : start < starts[n - 1]!));
  if (wrong < 0) return;
  const expected = wrong === 0 ? "0" : `>= ${starts[wrong - 1]}, where the sequence before begins`;
  throw new OutOfRangeError({ op, operand: `starts[${wrong}]`, expected, actual: `${starts[wrong]}` });
}
