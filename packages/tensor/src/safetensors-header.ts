import { FormatError } from "@ds3/errors";
import {
  bytesPerElement,
  isSafetensorsDtype,
  SAFETENSORS_DTYPES,
  type SafetensorsDtype,
} from "./safetensors-dtypes.ts";

/** The reference implementation refuses longer headers too; 47,000 expert tensors need a tenth of it. */
const MAX_HEADER_BYTES = 100_000_000;

/** One tensor's place in a safetensors file. `begin` and `end` are byte offsets from the start of the data section. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** A checked header: the tensors in order of their offsets, the metadata, and where the data section starts. */
export interface SafetensorsHeader {
  readonly entries: readonly SafetensorsEntry[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly dataStart: number;
}

/**
 * Read and check the header of a safetensors file whose total size is `fileBytes`; `bytes` needs to hold the header only.
 *
 * @throws FormatError naming the tensor and the byte offsets: torn or truncated file, header that is not JSON, duplicate
 * names, unknown dtype, byte count that does not fit the shape, offsets out of bounds, overlaps and holes.
 */
export function parseSafetensorsHeader(bytes: Uint8Array, fileBytes: number = bytes.byteLength): SafetensorsHeader {
  if (fileBytes < 8 || bytes.byteLength < 8) fail("header length", "8 bytes", `a file of ${fileBytes} bytes`, TORN);
  const headerBytes = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (headerBytes > MAX_HEADER_BYTES) fail("header length", `at most ${MAX_HEADER_BYTES}`, `${headerBytes}`, NOT_ONE);
  const dataStart = 8 + headerBytes;
  if (dataStart > Math.min(fileBytes, bytes.byteLength)) {
    fail("header", `${headerBytes} bytes from byte 8`, `a file of ${fileBytes} bytes`, TORN);
  }
  const json = parseJson(bytes.subarray(8, dataStart));
  const entries: SafetensorsEntry[] = [];
  for (const [name, value] of Object.entries(json)) {
    if (name !== "__metadata__") entries.push(checkEntry(name, value));
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkTiling(entries, fileBytes - dataStart);
  return { entries, metadata: checkMetadata(json.__metadata__), dataStart };
}

const TORN = "The file is truncated: fetch or write it again.";
const NOT_ONE = "This is not a safetensors file, or its first bytes are damaged.";

function fail(operand: string, expected: string, actual: string, hint: string, cause?: unknown): never {
  throw new FormatError({ op: "parseSafetensors", operand, expected, actual, hint, cause });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseJson(bytes: Uint8Array): Record<string, unknown> {
  let text = "";
  let json: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    json = JSON.parse(text);
  } catch (cause) {
    fail("header", "JSON in UTF-8", `bytes 8..${8 + bytes.byteLength} that do not parse`, NOT_ONE, cause);
  }
  if (!isRecord(json)) fail("header", "a JSON object", JSON.stringify(json).slice(0, 40), NOT_ONE);
  const twice = duplicateKey(text);
  if (twice !== undefined) fail(`"${twice}"`, "one entry a name", "two in the header", "Write the file again.");
  return json;
}

/** The first key that occurs twice in one object of `text`, which is valid JSON; JSON.parse would take the last in silence. */
function duplicateKey(text: string): string | undefined {
  const open: Set<string>[] = [];
  let string: string | undefined;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}:]/g)) {
    if (token === "{") open.push(new Set());
    else if (token === "}") open.pop();
    else if (token === ":") {
      const key = JSON.parse(string!) as string;
      if (open.at(-1)!.has(key)) return key;
      open.at(-1)!.add(key);
    } else string = token;
  }
  return undefined;
}

function checkMetadata(value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (!isRecord(value) || Object.values(value).some((item) => typeof item !== "string")) {
    fail("__metadata__", "an object of strings", JSON.stringify(value).slice(0, 80), "Write the values as strings.");
  }
  return value as Record<string, string>;
}

function checkEntry(name: string, value: unknown): SafetensorsEntry {
  const hint = "Write the file again.";
  if (!isRecord(value)) fail(`"${name}"`, "{dtype, shape, data_offsets}", JSON.stringify(value).slice(0, 40), hint);
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isSafetensorsDtype(dtype)) fail(`"${name}" dtype`, SAFETENSORS_DTYPES.join(", "), JSON.stringify(dtype), hint);
  if (!isCounts(shape)) fail(`"${name}" shape`, "a list of integers >= 0", JSON.stringify(shape), hint);
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    fail(`"${name}" data_offsets`, "[begin, end] with begin <= end", JSON.stringify(offsets), hint);
  }
  const [begin, end] = offsets;
  const bytes = shape.reduce((a, b) => a * b, 1) * bytesPerElement(dtype);
  if (end - begin !== bytes) {
    fail(
      `"${name}"`,
      `${bytes} bytes for ${dtype} [${shape}]`,
      `${end - begin} (bytes ${begin}..${end} of the data)`,
      hint,
    );
  }
  return { name, dtype, shape, begin, end };
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

/** The tensors must cover the data section exactly: nothing beyond it, no byte twice, no byte unnamed. */
function checkTiling(entries: readonly SafetensorsEntry[], dataBytes: number): void {
  let covered = 0;
  let before = "the start of the data";
  for (const { name, begin, end } of entries) {
    const place = `bytes ${begin}..${end} of the data`;
    if (end > dataBytes) fail(`"${name}"`, `offsets within ${dataBytes} bytes of data`, place, TORN);
    if (begin !== covered) {
      const what = begin < covered ? "an overlap" : "a hole";
      fail(`"${name}"`, `begin ${covered}, the end of ${before}`, `${what}: ${place}`, "Write the file again.");
    }
    covered = end;
    before = `"${name}"`;
  }
  if (covered !== dataBytes) {
    fail(
      "data",
      `${covered} bytes, the end of ${before}`,
      `${dataBytes} bytes`,
      "Bytes follow the last tensor: write it again.",
    );
  }
}
