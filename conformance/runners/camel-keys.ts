/** A config with snake_case keys as config.json has them, its keys in camelCase, nested objects too. */
export function camelKeys(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [
      key.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
      isObject(value) ? camelKeys(value) : value,
    ]),
  );
}

/** A config's number. @throws Error naming the key. */
export function numberOf(config: Readonly<Record<string, unknown>>, key: string): number {
  const value = config[key];
  if (typeof value === "number") return value;
  throw new Error(`config.${key}: expected a number, got ${JSON.stringify(value)}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
