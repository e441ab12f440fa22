import { DtypeError } from "@ds3/errors";
import type { Dtype, Tensor } from "@ds3/tensor";

/** Checks that all named operands of an op have a dtype, or one of several. @throws DtypeError naming op and operand. */
export function assertDtype(
  op: string,
  dtype: Dtype | readonly Dtype[],
  operands: Readonly<Record<string, Tensor>>,
): void {
  const allowed = [dtype].flat();
  for (const [operand, tensor] of Object.entries(operands)) {
    if (allowed.includes(tensor.dtype)) continue;
    throw new DtypeError({ op, operand, expected: allowed.join(" or "), actual: `${tensor}` });
  }
}
