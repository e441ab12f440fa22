/*
 * Rotary position embedding (Su et al., 2021) in DeepSeek's layout: the two numbers of a pair are neighbours. Pair i of
 * a row at position p becomes (a cos - b sin, a sin + b cos) with the angle of table row p, column i. A rotation's
 * gradient is the rotation by the negative angle.
 */
import { OutOfRangeError, ShapeError } from "@ds3/errors";
import { assertDtype } from "./gpu.ts";
import { cachedTemplate } from "./kernel.ts";
import { rotaryWgsl } from "./rotary.wgsl.ts";
import { dispatchRows, lanesOf } from "./row-kernel.ts";
import { record } from "./tape.ts";
import type { Tensor } from "./tensor.ts";

const kernelOf = cachedTemplate(rotaryWgsl);

/** Tables and positions of a rotation. */
export interface RotaryAngles {
  /** [P, R/2] f32: cosine of every position's and pair's angle. */
  readonly cos: Tensor;
  /** [P, R/2] f32. */
  readonly sin: Tensor;
  /** One table row for each row of x, i32, below P (`uploadIds` checks them); one upload serves all layers. */
  readonly positions: Tensor;
}

/** Which columns of a head turn. Default: all. */
export interface RotaryWindow {
  readonly from: number;
  /** R, an even number. */
  readonly size: number;
}

/**
 * Turns adjacent pairs of x [..., N, H] f32, for all N heads of a row alike; columns outside the window are copied.
 * The leading axes are the rows, as many as `positions` has elements.
 *
 * @throws ShapeError, DtypeError; OutOfRangeError for a window outside the head.
 */
export function rotary(x: Tensor, angles: RotaryAngles, window?: RotaryWindow): Tensor {
  const { cos, sin, positions } = angles;
  const [N = 1, H = 1] = x.shape.slice(-2);
  const { from, size } = window ?? { from: 0, size: H };
  checkOperands(x, angles, { from, size });
  const { gpu } = x;
  const lanes = lanesOf(gpu.target);
  const turn = (input: Tensor, y: Tensor, direction: number, accumulate: boolean): void => {
    const operands = { x: input, cos, sin, positions, y };
    const uniforms = { N, H, first: from, pairs: size / 2, direction };
    dispatchRows(gpu, kernelOf({ lanes, accumulate }), operands, uniforms, { rows: positions.size, columns: N * H });
  };
  const y = gpu.empty(x.shape, "f32", "rotary");
  turn(x, y, 1, false);
  record(gpu, {
    label: "rotary",
    inputs: [x],
    outputs: [y],
    saved: [cos, sin, positions],
    backward: ([dy], sink) => sink.into(x, (dx, accumulate) => turn(dy!, dx, -1, accumulate)),
  });
  return y;
}

function checkOperands(x: Tensor, { cos, sin, positions }: RotaryAngles, { from, size }: RotaryWindow): void {
  for (const [operand, tensor] of Object.entries({ x, cos, sin })) assertDtype("rotary", operand, tensor, "f32");
  assertDtype("rotary", "positions", positions, "i32");
  const [N = 0, H = 0] = x.shape.slice(-2);
  if (x.shape.length < 3 || x.size !== positions.size * N * H) {
    const expected = `[..., N, H] with ${positions.size} rows, one for each position`;
    throw new ShapeError({ op: "rotary", operand: "x", expected, actual: `[${x.shape.join(", ")}]` });
  }
  const valid = Number.isInteger(from) && from >= 0 && size >= 0 && size % 2 === 0 && from + size <= H;
  if (!valid) {
    const expected = `from >= 0, an even size, from + size <= H=${H}`;
    throw new OutOfRangeError({ op: "rotary", operand: "window", expected, actual: `from ${from}, size ${size}` });
  }
  for (const [operand, { shape }] of Object.entries({ cos, sin })) {
    if (shape.length === 2 && shape[0] === cos.shape[0] && shape[1] === size / 2) continue;
    const expected = `[${cos.shape[0]}, ${size / 2}], half the window of ${size} columns`;
    throw new ShapeError({ op: "rotary", operand, expected, actual: `[${shape.join(", ")}]` });
  }
}
