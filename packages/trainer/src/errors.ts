import { Ds3Error } from "@ds3/errors";

/** Loss, gradient or gradient norm became NaN or infinite; nothing of that step was applied. */
export class NonFiniteError extends Ds3Error {
  static override readonly name: string = "NonFiniteError";
}
/** A training checkpoint is missing, torn, or of another model or run. */
export class TrainingCheckpointError extends Ds3Error {
  static override readonly name: string = "TrainingCheckpointError";
}
/** A run would go on with other kernels than it was saved with: its results would no longer be the same bit for bit. */
export class KernelsChangedError extends TrainingCheckpointError {
  static override readonly name: string = "KernelsChangedError";
}
