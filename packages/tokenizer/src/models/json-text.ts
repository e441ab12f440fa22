/** Parts of JSON as HF writes it: pretty, two spaces a level, every float with a point or an exponent. */

/** An object from keys and values that are JSON already, over several lines. */
export function objectText(entries: Iterable<readonly [key: string, value: string]>): string {
  const lines = Array.from(entries, ([key, value]) => `${JSON.stringify(key)}: ${value}`);
  return lines.length === 0 ? "{}" : `{\n${indented(lines)}\n}`;
}

/** An array of values that are JSON already, over several lines. */
export function arrayText(values: readonly string[]): string {
  return values.length === 0 ? "[]" : `[\n${indented(values)}\n]`;
}

/** Fields, each value as JSON. */
export function fieldsText(fields: Readonly<Record<string, unknown>>): [key: string, value: string][] {
  return Object.entries(fields).map(([key, value]) => [key, JSON.stringify(value)]);
}

/** A vocabulary by rising id. */
export function vocabText(vocab: ReadonlyMap<string, number>): string {
  return objectText([...vocab].map(([token, id]) => [token, String(id)] as const));
}

/** A double as serde_json writes it: the shortest digits that read back, never as an integer. */
export function doubleText(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-5 || size >= 1e16)) return value.toExponential();
  const digits = Object.is(value, -0) ? "-0" : String(value);
  return digits.includes(".") ? digits : `${digits}.0`;
}

/** A single-precision number: the shortest digits that read back in that precision. */
export function floatText(value: number): string {
  const target = Math.fround(value);
  for (let precision = 1; precision <= 9; precision++) {
    const candidate = Number(target.toPrecision(precision));
    if (Math.fround(candidate) === target) return doubleText(candidate);
  }
  return doubleText(target);
}

/** The lines one level deeper. Line breaks occur only between JSON tokens, never in a JSON string. */
function indented(values: readonly string[]): string {
  return values.map((value) => `  ${value.replaceAll("\n", "\n  ")}`).join(",\n");
}
