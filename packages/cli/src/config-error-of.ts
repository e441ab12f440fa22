import { ConfigError, didYouMean } from "@ds3/errors";
import type { z } from "zod";

/** The first problem that a schema found, as an error that names the key, the value and the nearest known key. */
export function configErrorOf(op: string, schema: z.ZodType, value: unknown, error: z.ZodError): ConfigError {
  // A key that is unknown explains one that is missing.
  const issue = innermost(error.issues.find(({ code }) => code === "unrecognized_keys") ?? error.issues[0]!);
  const at = issue.path;
  const operand = at.length === 0 ? "config" : at.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    const [key] = issue.keys;
    const known = knownKeys(schema, at);
    const hint = didYouMean(key!, known);
    return new ConfigError({ op, operand, expected: "known keys", actual: JSON.stringify(key), hint });
  }
  const found = at.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
  const choices = issue.code === "invalid_value" ? issue.values.map((choice) => JSON.stringify(choice)) : [];
  const expected = choices.length > 0 ? choices.join(" or ") : expectation(issue);
  const hint = typeof found === "string" && choices.length > 1 ? didYouMean(found, choices.map(unquote)) : undefined;
  const actual = found === undefined ? "nothing" : JSON.stringify(found);
  return new ConfigError({ op, operand, expected, actual, ...(hint === undefined ? {} : { hint }) });
}

type Issue = z.core.$ZodIssue;

/** Of a union the branch that comes furthest: the others only say that the value is of another type. */
function innermost(issue: Issue): Issue {
  if (issue.code !== "invalid_union") return issue;
  const branches = issue.errors.flatMap((branch) => branch.slice(0, 1));
  const fits = branches.find((inner) => inner.code !== "invalid_type" || inner.path.length > 0);
  if (fits === undefined) return { ...issue, message: unionOf(branches) };
  return innermost({ ...fits, path: [...issue.path, ...fits.path] });
}

function unionOf(branches: readonly Issue[]): string {
  return branches.map((branch) => (branch.code === "invalid_type" ? branch.expected : branch.message)).join(" or ");
}

function expectation(issue: Issue): string {
  if (issue.code === "invalid_type") return issue.expected;
  if (issue.code === "too_small") return `at least ${issue.minimum}${issue.origin === "number" ? "" : " of it"}`;
  if (issue.code === "too_big") return `at most ${issue.maximum}`;
  return issue.message;
}

function unquote(text: string): string {
  return text.replace(/^"|"$/g, "");
}

/** The keys of the object at a path of a schema. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let places: z.core.$ZodType[] = [schema];
  for (const key of path) places = places.flatMap(unwrap).flatMap((place) => childOf(place, key));
  return places.flatMap(unwrap).flatMap((place) => Object.keys(shapeOf(place) ?? {}));
}

interface Definition {
  readonly type: string;
  readonly innerType?: z.core.$ZodType;
  readonly options?: readonly z.core.$ZodType[];
  readonly element?: z.core.$ZodType;
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
}

function definitionOf(place: z.core.$ZodType): Definition {
  return place._zod.def as Definition;
}

function shapeOf(place: z.core.$ZodType): Definition["shape"] {
  return definitionOf(place).shape;
}

function unwrap(place: z.core.$ZodType): z.core.$ZodType[] {
  const { innerType, options } = definitionOf(place);
  if (innerType !== undefined) return unwrap(innerType);
  return options === undefined ? [place] : options.flatMap(unwrap);
}

function childOf(place: z.core.$ZodType, key: PropertyKey): z.core.$ZodType[] {
  const { element, shape } = definitionOf(place);
  const child = element ?? shape?.[String(key)];
  return child === undefined ? [] : [child];
}
