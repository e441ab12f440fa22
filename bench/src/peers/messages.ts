import type { FigureUnit } from "../figure.ts";
import { PeerError } from "./peer-error.ts";

/** A measured case, as a child process reports it. */
export interface Measurement {
  readonly type: "measurement";
  /** The case: `matmul.nn.512`. */
  readonly name: string;
  readonly value: number;
  readonly unit: FigureUnit;
  readonly adapter: string;
  readonly note: string;
  /** Calls of a window and its median seconds. */
  readonly calls: number;
  readonly seconds: number;
  /** Training: the first losses. Products: the first row of the result. All contenders must agree. */
  readonly results: readonly number[];
}

/** A case that a library cannot do. */
export interface CaseFailure {
  readonly type: "failure";
  readonly name: string;
  readonly reason: string;
}

/** A line of a child process: a measured case, one that failed, or the orderly end. */
export type Message = Measurement | CaseFailure | { readonly type: "end" };

/**
 * Reads a line that a child printed.
 * @throws PeerError when it is no message, or one with a value that no measurement can have.
 */
export function parseMessage(line: string): Message {
  const value = parseJson(line);
  if (isRecord(value)) {
    if (value.type === "end") return { type: "end" };
    if (value.type === "failure" && areStrings(value.name, value.reason)) return value as unknown as Message;
    if (isMeasurement(value)) return value;
  }
  throw garbage(line);
}

function isMeasurement(value: Record<string, unknown>): value is Record<string, unknown> & Measurement {
  const { type, name, unit, adapter, note, results } = value;
  return (
    type === "measurement" &&
    areStrings(name, unit, adapter, note) &&
    [value.value, value.calls, value.seconds].every((number) => isFiniteNumber(number) && number > 0) &&
    Array.isArray(results) &&
    results.length > 0 &&
    results.every(isFiniteNumber)
  );
}

function isFiniteNumber(value: unknown): value is number {
  return Number.isFinite(value);
}

function areStrings(...values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === "string");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw garbage(line);
  }
}

function garbage(line: string): PeerError {
  return new PeerError({
    op: "benchPeers",
    operand: "output of a child process",
    expected: "a line of JSON with a measurement, a failure or the end",
    actual: JSON.stringify(line.slice(0, 200)),
  });
}
