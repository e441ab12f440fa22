import { join } from "node:path";
import { StateError } from "@ds3/errors";
import { factsOf, isMissing, listCheckpoints, MANIFEST, type Manifest, readWhole } from "./checkpoint-folder.ts";
import { TrainingCheckpointError } from "./errors.ts";

/** A complete checkpoint: its step, folder and files. */
export interface StoredCheckpoint {
  readonly step: number;
  readonly folder: string;
  /** By name: the model's own (e.g. config.json, model.safetensors), optimizer.safetensors and state.json. */
  readonly files: Readonly<Record<string, Uint8Array>>;
}

/**
 * The newest checkpoint below `root` (a run's `<folder>/checkpoints`) whose files are all there with the right size and
 * hash; undefined when there is no checkpoint at all. Torn ones are passed over and reported to `onTorn`.
 *
 * @throws TrainingCheckpointError when there are checkpoints and every one is torn; StateError when the system does not
 * give a file that is there.
 */
export async function readNewestCheckpoint(
  root: string,
  onTorn?: (error: TrainingCheckpointError) => void,
): Promise<StoredCheckpoint | undefined> {
  let last: TrainingCheckpointError | undefined;
  for (const { step, name } of (await listCheckpoints(root)).reverse()) {
    try {
      return await readCheckpoint(join(root, name), step);
    } catch (error) {
      if (!TrainingCheckpointError.is(error)) throw error;
      last = error as TrainingCheckpointError;
      onTorn?.(last);
    }
  }
  if (last) throw allTorn(root, last);
  return undefined;
}

async function readCheckpoint(folder: string, step: number): Promise<StoredCheckpoint> {
  const manifest = await readManifest(folder);
  const files: Record<string, Uint8Array> = {};
  for (const [name, expected] of Object.entries(manifest.files)) {
    const data = await readIfThere(join(folder, name));
    if (data === undefined) throw torn(folder, name, "the file", "no file");
    const { bytes, sha256 } = factsOf(data);
    if (bytes !== expected.bytes) throw torn(folder, name, `${expected.bytes} bytes`, `${bytes}`);
    if (sha256 !== expected.sha256) throw torn(folder, name, `sha256 ${expected.sha256}`, sha256);
    files[name] = data;
  }
  return { step, folder, files };
}

async function readManifest(folder: string): Promise<Manifest> {
  const data = await readIfThere(join(folder, MANIFEST));
  if (data === undefined) throw torn(folder, MANIFEST, "the file", "no file");
  try {
    const manifest: unknown = JSON.parse(new TextDecoder().decode(data));
    if (isManifest(manifest)) return manifest;
  } catch (cause) {
    throw torn(folder, MANIFEST, "JSON", `${cause}`);
  }
  throw torn(folder, MANIFEST, "sizes and hashes of files", "other JSON");
}

function isManifest(value: unknown): value is Manifest {
  const files = (value as Partial<Manifest> | null)?.files;
  return typeof files === "object" && files !== null && Object.values(files).every((facts) => facts !== null);
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readWhole(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw unreadable(path, error);
  }
}

function unreadable(operand: string, cause: unknown): StateError {
  const hint = "Make it readable, or move its checkpoint away to resume from the one before.";
  const actual = cause instanceof Error ? cause.message : `${cause}`;
  return new StateError({ op: "resume", operand, expected: "a readable file", actual, hint, cause });
}

function torn(folder: string, operand: string, expected: string, actual: string): TrainingCheckpointError {
  const hint = "The checkpoint is torn.";
  return new TrainingCheckpointError({ op: "resume", operand: join(folder, operand), expected, actual, hint });
}

function allTorn(root: string, cause: TrainingCheckpointError): TrainingCheckpointError {
  return new TrainingCheckpointError({
    op: "resume",
    operand: root,
    expected: "at least one whole checkpoint",
    actual: `only torn ones, the last: ${cause.message}`,
    hint: "Restore one from a copy, or start again without resume.",
    cause,
  });
}
