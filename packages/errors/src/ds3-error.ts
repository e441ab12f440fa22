/** What every ds3 error says: where, which operand, what was expected, what came, and what to do next. */
export interface ErrorDetails {
  /** The operation or function that refused, e.g. `matmul`. */
  readonly op: string;
  /** The operand, key, file or tensor at fault. */
  readonly operand: string;
  readonly expected: string;
  readonly actual: string;
  /** The next step for the reader: an imperative sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * Base class of all errors that ds3 packages throw.
 *
 * The message is built from the fields, so nothing has to be parsed out of it. Identity survives two copies of a
 * package in one process: use the static `is` instead of `instanceof` across package borders.
 */
export class Ds3Error extends Error {
  /** Identity goes by this name. Every class states its own: a minifier renames classes, it leaves strings alone. */
  static override readonly name: string = "Ds3Error";
  readonly op: string;
  readonly operand: string;
  readonly expected: string;
  readonly actual: string;
  readonly hint: string | undefined;

  constructor(details: ErrorDetails) {
    super(formatMessage(details), details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.op = details.op;
    this.operand = details.operand;
    this.expected = details.expected;
    this.actual = details.actual;
    this.hint = details.hint;
    for (let type: { name: string } = new.target; type !== Error; type = Object.getPrototypeOf(type)) {
      Object.defineProperty(this, markerOf(type.name), { value: true });
    }
  }

  /** True for an error of this class, or a class derived from it, from any copy of the package. */
  static is(error: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: `this` is the class that was asked, e.g. ShapeError.is(e)
    return typeof error === "object" && error !== null && markerOf(this.name) in error;
  }
}

function markerOf(name: string): symbol {
  return Symbol.for(`@ds3/${name}`);
}

function formatMessage({ op, operand, expected, actual, hint }: ErrorDetails): string {
  return `${op}: ${operand}: expected ${expected}, got ${actual}.${hint ? ` ${hint}` : ""}`;
}

/** A tensor or array has the wrong shape or rank. */
export class ShapeError extends Ds3Error {
  static override readonly name: string = "ShapeError";
}
/** A tensor or array has the wrong element type. */
export class DtypeError extends Ds3Error {
  static override readonly name: string = "DtypeError";
}
/** An id, index, count or range is outside what is allowed. */
export class OutOfRangeError extends Ds3Error {
  static override readonly name: string = "OutOfRangeError";
}
/** A config has an unknown key, a wrong value, or fields that contradict each other. */
export class ConfigError extends Ds3Error {
  static override readonly name: string = "ConfigError";
}
/** A file or byte stream is torn, truncated or not of the format it should have. */
export class FormatError extends Ds3Error {
  static override readonly name: string = "FormatError";
}
/** An object was used after it was closed, or in an order that is not allowed. */
export class StateError extends Ds3Error {
  static override readonly name: string = "StateError";
}
