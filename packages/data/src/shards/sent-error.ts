import { Ds3Error, type ErrorDetails, OutOfRangeError } from "@ds3/errors";
import { ShardError } from "./shard-errors.ts";

/** An error on its way between threads, where classes are lost. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  /** Of an error of ours. */
  readonly details?: ErrorDetails;
}

const classes = { ShardError, OutOfRangeError };

/** An error as plain data. */
export function sendError(error: unknown): SentError {
  const { name, message, stack } = error as Error;
  const plain = { name: `${name}`, message: `${message}`, ...(stack === undefined ? {} : { stack }) };
  if (!Ds3Error.is(error)) return plain;
  const { op, operand, expected, actual, hint } = error as Ds3Error;
  return { ...plain, details: { op, operand, expected, actual, ...(hint === undefined ? {} : { hint }) } };
}

/** The error again, of its class where it is one that a loader throws. */
export function receiveError({ name, message, stack, details }: SentError): Error {
  const Class = Object.hasOwn(classes, name) ? classes[name as keyof typeof classes] : Ds3Error;
  return details ? new Class(details) : Object.assign(new Error(message), { name, stack });
}
