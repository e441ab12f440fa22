import { Ds3Error } from "@ds3/errors";

/** The file of cached reference log-probs cannot be read or written. */
export class ReferenceCacheError extends Ds3Error {
  static override readonly name: string = "ReferenceCacheError";
}
