import { Ds3Error } from "@ds3/errors";

/** A peer's process failed, or what it measured cannot be used. */
export class PeerError extends Ds3Error {
  static override readonly name: string = "PeerError";
}
