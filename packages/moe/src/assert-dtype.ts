import { DtypeError } from "@ds3/errors";
import type { Dtype, Tensor } from "@ds3/tensor";

/** Checks that all named operands of an op have one dtype. @throws DtypeError naming op and operand. */
export function assertDtype(op: string, dtype: Dtype, operands: Readonly<Record<string, Tensor>>): void {
  for (const [operand, tensor] of Object.entries(operands)) {
    if (tensor.dtype !== dtype) throw new DtypeError({ op, operand, expected: dtype, actual: `${tensor}` });
  }
}
