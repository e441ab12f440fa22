import { RecordFormatError } from "./record-format-error.ts";

/** One message of a conversation; structurally the one of @ds3/tokenizer. */
export interface ChatMessage {
  /** "user", "assistant", "system", "tool", or the record's own word for another. */
  readonly role: string;
  readonly content: string;
}

/** A record before any of it has been checked. */
export type Fields = Readonly<Record<string, unknown>>;

/** The record as an object. @throws RecordFormatError. */
export function asFields(op: string, operand: string, value: unknown): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw wrongField(op, operand, "an object", value);
}

/** A field as text. @throws RecordFormatError naming it. */
export function asText(op: string, operand: string, value: unknown): string {
  if (typeof value === "string") return value;
  throw wrongField(op, operand, "a string", value);
}

/** A field that may be missing, null or "" as text; undefined then. @throws RecordFormatError naming it. */
export function asOptionalText(op: string, operand: string, value: unknown): string | undefined {
  return value === undefined || value === null || value === "" ? undefined : asText(op, operand, value);
}

/** Names that ShareGPT's records give to roles; other names stay as they are. */
const ROLES: ReadonlyMap<string, string> = new Map([
  ["human", "user"],
  ["gpt", "assistant"],
  ["function_call", "assistant"],
  ["observation", "tool"],
]);

/** A message, {role, content} or {from, value}. @throws RecordFormatError naming the field at fault. */
export function asMessage(op: string, operand: string, value: unknown): ChatMessage {
  const fields = asFields(op, operand, value);
  const [roleKey, contentKey] = Object.hasOwn(fields, "from") ? ["from", "value"] : ["role", "content"];
  const role = asText(op, `${operand}.${roleKey}`, fields[roleKey!]);
  const content = asText(op, `${operand}.${contentKey}`, fields[contentKey!]);
  return { role: ROLES.get(role) ?? role, content };
}

/** A list of at least one message. @throws RecordFormatError naming the field at fault. */
export function asMessages(op: string, operand: string, value: unknown): ChatMessage[] {
  if (!Array.isArray(value) || value.length === 0) throw wrongField(op, operand, "a list of messages", value);
  return value.map((message, index) => asMessage(op, `${operand}[${index}]`, message));
}

/** A text that `role` says, a message, or a list of messages. @throws RecordFormatError naming the field at fault. */
export function asTurn(op: string, operand: string, value: unknown, role: string): ChatMessage[] {
  if (typeof value === "string") return [{ role, content: value }];
  if (Array.isArray(value)) return asMessages(op, operand, value);
  if (typeof value === "object" && value !== null) return [asMessage(op, operand, value)];
  throw wrongField(op, operand, "a string, a message or a list of messages", value);
}

/** The error for a field that is not what its form has there. */
export function wrongField(op: string, operand: string, expected: string, value: unknown): RecordFormatError {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  const actual = text.length > 80 ? `${text.slice(0, 77)}...` : text;
  return new RecordFormatError({ op, operand, expected, actual });
}

/** The error for a record of no known form: it names the record's keys and the forms. */
export function unknownForm(op: string, record: Fields, forms: readonly string[]): RecordFormatError {
  return new RecordFormatError({
    op,
    operand: "record",
    expected: `one of the forms ${forms.join(", ")}`,
    actual: `the keys ${Object.keys(record).join(", ") || "(none)"}`,
    hint: "Bring your records into one of these forms, or map them yourself.",
  });
}
