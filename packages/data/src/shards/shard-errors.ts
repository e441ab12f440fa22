import { Ds3Error, FormatError } from "@ds3/errors";
import { diskFullCode } from "../disk-full-code.ts";

/** A shard set is torn, changed or incomplete; `operand` names the file. */
export class ShardError extends FormatError {
  static override readonly name: string = "ShardError";
}

/** The system refused to write a file, `operand`; what was there before is as it was. */
export class DiskWriteError extends Ds3Error {
  static override readonly name: string = "DiskWriteError";
}

/** There is no space left for a file, or a quota is used up. */
export class DiskFullError extends DiskWriteError {
  static override readonly name: string = "DiskFullError";
}

/** The error for a file that could not be written. */
export function writeFailure(op: string, path: string, cause: unknown): DiskWriteError {
  const code = diskFullCode(cause);
  const details = { op, operand: path, expected: "space on the disk", cause };
  const hint = "Free space and go on: all that the index names is there.";
  if (code === "ENOSPC") return new DiskFullError({ ...details, actual: "none left (ENOSPC)", hint });
  if (code === "EDQUOT") return new DiskFullError({ ...details, actual: "a quota that is used up (EDQUOT)", hint });
  const other = { expected: "a file that can be written", actual: cause instanceof Error ? cause.message : `${cause}` };
  return new DiskWriteError({ ...details, ...other, hint: "Check the folder, then go on." });
}
