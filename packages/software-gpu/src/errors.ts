import { Ds3Error } from "@ds3/errors";

/**
 * There is no adapter that Dawn accepts and no software driver could be had: the message says why (forbidden, offline,
 * unknown platform, unwritable cache, a download that does not match its checksum) and what to do.
 */
export class NoSoftwareGpuError extends Ds3Error {
  static override readonly name: string = "NoSoftwareGpuError";
}
