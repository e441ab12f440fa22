import { Ds3Error } from "@ds3/errors";

/** What was measured cannot be used, or its process failed. */
export class MeasurementError extends Ds3Error {
  static override readonly name: string = "MeasurementError";
}
