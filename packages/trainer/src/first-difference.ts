/** Where two values of plain JSON differ first. */
export interface JsonDifference {
  /** E.g. `settings.config.hiddenSize`. */
  readonly path: string;
  /** As JSON; `nothing` where there is none. */
  readonly expected: string;
  readonly actual: string;
}

/**
 * The first place where two values of plain JSON differ, or undefined; the order of keys does not count. What JSON leaves
 * out (undefined, functions) does not count either.
 */
export function firstDifference(path: string, expected: unknown, actual: unknown): JsonDifference | undefined {
  return compare(path, normalize(expected), normalize(actual));
}

function normalize(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value) ?? "null");
}

function compare(path: string, expected: unknown, actual: unknown): JsonDifference | undefined {
  if (!isObject(expected) || !isObject(actual) || Array.isArray(expected) !== Array.isArray(actual)) {
    return Object.is(expected, actual) ? undefined : { path, expected: show(expected), actual: show(actual) };
  }
  for (const key of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
    const inner = Array.isArray(expected) ? `${path}[${key}]` : `${path}.${key}`;
    const difference = compare(inner, expected[key], actual[key]);
    if (difference) return difference;
  }
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? "nothing";
}
