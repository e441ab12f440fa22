/*
 * Reference log-probs on disk: a safetensors file with `chosen` and `rejected` F32 [pairs]; its metadata has the SHA-256 of
 * the pairs, of the reference's files, and of the values themselves.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { FormatError } from "@ds3/errors";
import { parseSafetensors, parseSafetensorsHeader, serializeSafetensors } from "@ds3/tensor/safetensors";
import { type Policy, writeFileWhole } from "@ds3/trainer";
import { ReferenceCacheError } from "./errors.ts";
import type { PreferencePair, ReferenceLogProbs } from "./types.ts";

/** What cached values belong to, as SHA-256 in hex. */
export interface ReferenceFingerprint {
  readonly pairs: string;
  readonly weights: string;
}

/** Fingerprints of the pairs' ids in their order, and of everything that the policy saves. */
export async function fingerprintOf(policy: Policy, pairs: readonly PreferencePair[]): Promise<ReferenceFingerprint> {
  const ids = createHash("sha256");
  for (const { prompt, chosen, rejected } of pairs) {
    ids.update(Int32Array.of(prompt.length, chosen.length, rejected.length));
    for (const part of [prompt, chosen, rejected]) ids.update(part);
  }
  const weights = createHash("sha256");
  const files = await policy.save();
  for (const name of Object.keys(files).sort())
    weights.update(`${name}\n${files[name]!.length}\n`).update(files[name]!);
  return { pairs: ids.digest("hex"), weights: weights.digest("hex") };
}

/** Makes the cache's folder before anything is computed for it. @throws ReferenceCacheError */
export async function prepareCacheFolder(file: string): Promise<void> {
  await mkdir(dirname(resolve(file)), { recursive: true }).catch((cause) => {
    throw refused("write", file, cause);
  });
}

/**
 * The cached values when they are whole and of this fingerprint, else undefined; `onNote` hears what was found.
 * @throws ReferenceCacheError when the file is there but cannot be read.
 */
export async function readReferenceCache(
  file: string,
  fingerprint: ReferenceFingerprint,
  onNote?: (text: string) => void,
): Promise<ReferenceLogProbs | undefined> {
  const bytes = await readIfThere(file);
  if (bytes === undefined) return undefined;
  try {
    const { metadata, values } = parseCache(bytes);
    const other = (["pairs", "weights"] as const).filter((key) => metadata[key] !== fingerprint[key]);
    if (other.length === 0) {
      onNote?.(`reference log-probs of ${values.chosen.length} pairs read from ${file}`);
      return values;
    }
    onNote?.(`${file} is of other ${other.join(" and ")}: reference log-probs are computed anew`);
  } catch (error) {
    if (!FormatError.is(error)) throw error;
    onNote?.(`${file} is torn (${(error as FormatError).message}): reference log-probs are computed anew`);
  }
  return undefined;
}

/** Writes the file whole or not at all. @throws ReferenceCacheError when the disk refuses. */
export async function writeReferenceCache(
  file: string,
  fingerprint: ReferenceFingerprint,
  { chosen, rejected }: ReferenceLogProbs,
): Promise<void> {
  const metadata = { ...fingerprint, values: hashOf(chosen, rejected) };
  const tensor = (name: string, data: Float32Array) => ({ name, dtype: "F32" as const, shape: [data.length], data });
  const bytes = serializeSafetensors([tensor("chosen", chosen), tensor("rejected", rejected)], metadata);
  await writeFileWhole(file, bytes).catch((cause) => {
    throw refused("write", file, cause);
  });
}

/** @throws FormatError for a torn or damaged file. */
function parseCache(bytes: Uint8Array): { metadata: Readonly<Record<string, string>>; values: ReferenceLogProbs } {
  const tensors = parseSafetensors(bytes);
  const { metadata } = parseSafetensorsHeader(bytes);
  const part = (name: string): Float32Array => {
    const tensor = tensors.get(name);
    if (tensor?.dtype === "F32") return new Float32Array(tensor.data as Float32Array);
    throw damaged(name, "a tensor of F32", tensor?.dtype ?? "none");
  };
  const values = { chosen: part("chosen"), rejected: part("rejected") };
  const hash = hashOf(values.chosen, values.rejected);
  if (metadata.values !== hash) throw damaged("values", `SHA-256 ${metadata.values}`, hash);
  return { metadata, values };
}

function hashOf(chosen: Float32Array, rejected: Float32Array): string {
  return createHash("sha256").update(`${chosen.length}\n`).update(chosen).update(rejected).digest("hex");
}

async function readIfThere(file: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw refused("read", file, cause);
  }
}

function damaged(operand: string, expected: string, actual: string): FormatError {
  return new FormatError({ op: "readReferenceCache", operand, expected, actual });
}

function refused(verb: "read" | "write", operand: string, cause: unknown): ReferenceCacheError {
  return new ReferenceCacheError({
    op: "computeReferenceLogProbs",
    operand,
    expected: `a file to ${verb}`,
    actual: cause instanceof Error ? cause.message : `${cause}`,
    hint: "Name another file as cache, or none.",
    cause,
  });
}
