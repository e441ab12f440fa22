import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { StateError } from "@ds3/errors";
import { temporaryFolder } from "@ds3/testing";
import { describe, expect, test, vi } from "vitest";
import { TrainingCheckpointError } from "./errors.ts";
import { readNewestCheckpoint } from "./read-newest-checkpoint.ts";
import { writeCheckpoint } from "./write-checkpoint.ts";

/** Called before each rename of a folder; a test lets it throw. */
const hooks = vi.hoisted(() => ({ beforeRename: (_to: string): void => {} }));
vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  return {
    ...real,
    rename: async (from: string, to: string) => {
      hooks.beforeRename(to);
      await real.rename(from, to);
    },
  };
});

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const files = (value: number): Record<string, Uint8Array> => ({
  "model.safetensors": new Uint8Array(100).fill(value),
  "state.json": bytes(value, 2, 3),
});

async function newest(root: string): Promise<{ step: number; value: number; torn: string[] }> {
  const torn: string[] = [];
  const { step, files } = (await readNewestCheckpoint(root, ({ message }) => torn.push(message)))!;
  return { step, value: files["model.safetensors"]![0]!, torn };
}

test("what was written is read back, and the newest step wins", async () => {
  const root = join(temporaryFolder(), "run", "checkpoints");
  expect(await readNewestCheckpoint(root)).toBeUndefined();
  await writeCheckpoint(root, 9, files(9));
  const folder = await writeCheckpoint(root, 10, files(10));
  const stored = (await readNewestCheckpoint(root))!;
  expect(stored).toMatchObject({ step: 10, folder });
  expect(Object.keys(stored.files)).toEqual(["model.safetensors", "state.json"]);
  expect([...stored.files["state.json"]!]).toEqual([10, 2, 3]);
});

test("a file of more than 2 GiB, which is zeros that take no disk, is read and hashed", {
  timeout: 300_000,
}, async () => {
  const root = temporaryFolder();
  const folder = await writeCheckpoint(root, 1, { "model.safetensors": bytes(1) });
  const size = 2 ** 31 + 4096;
  truncateSync(join(folder, "model.safetensors"), 0);
  truncateSync(join(folder, "model.safetensors"), size);
  const sha256 = "d702231a97a4e742e747bd3fdc81d8d1b604378660d5fc38934b865ca2a9d6d1";
  const manifest = { files: { "model.safetensors": { bytes: size, sha256 } } };
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
  const stored = (await readNewestCheckpoint(root))!;
  expect(stored.files["model.safetensors"]!.length).toBe(size);
});

test("a file that is there and cannot be read is no torn checkpoint: it is named, with what to do", async () => {
  const root = temporaryFolder();
  const folder = await writeCheckpoint(root, 1, files(1));
  rmSync(join(folder, "state.json"));
  mkdirSync(join(folder, "state.json"));
  await expect(readNewestCheckpoint(root)).rejects.toThrow(StateError);
  await expect(readNewestCheckpoint(root)).rejects.toThrow(
    /resume: .*state\.json: expected a readable file, got EISDIR.*Make it readable, or move its checkpoint away/,
  );
});

test("the newest N are kept", async () => {
  const root = temporaryFolder();
  for (const step of [1, 2, 3, 100_000_000]) await writeCheckpoint(root, step, files(1), 3);
  expect(readdirSync(root).sort()).toEqual(["step-00000002", "step-00000003", "step-100000000"]);
});

describe("a crash", () => {
  test("by a throw in the middle of writing leaves the older checkpoint and nothing else", async () => {
    const root = temporaryFolder();
    await writeCheckpoint(root, 1, files(1));
    const broken = { ...files(2), "state.json": 42 as unknown as Uint8Array };
    const error = await writeCheckpoint(root, 2, broken).catch((error) => error);
    expect(TrainingCheckpointError.is(error)).toBe(true);
    expect(error.message).toMatch(
      /^save: .*step-00000002: expected a checkpoint on disk, got .*older checkpoints were kept/,
    );
    expect(readdirSync(root)).toEqual(["step-00000001"]);
    expect(await newest(root)).toEqual({ step: 1, value: 1, torn: [] });
  });

  test("in the same step's replacement leaves the checkpoint that was there", async () => {
    const root = temporaryFolder();
    await writeCheckpoint(root, 1, files(1));
    await expect(writeCheckpoint(root, 1, { ...files(2), "state.json": 42 as never })).rejects.toThrow();
    expect(await newest(root)).toEqual({ step: 1, value: 1, torn: [] });
  });

  test("when the new one of a step cannot take its place leaves the one that was there", async () => {
    const root = temporaryFolder();
    const folder = await writeCheckpoint(root, 1, files(1));
    hooks.beforeRename = (to) => {
      if (to === folder) throw new Error("disk full");
    };
    try {
      await expect(writeCheckpoint(root, 1, files(2))).rejects.toThrow(/got disk full/);
    } finally {
      hooks.beforeRename = () => {};
    }
    expect(await newest(root)).toEqual({ step: 1, value: 1, torn: [] });
    await writeCheckpoint(root, 1, files(3));
    expect(await newest(root)).toEqual({ step: 1, value: 3, torn: [] });
  });

  test("between the two renames of a replacement leaves the one that was replaced", async () => {
    const root = temporaryFolder();
    const folder = await writeCheckpoint(root, 1, files(1));
    renameSync(folder, `${folder}.replaced`);
    expect(await newest(root)).toEqual({ step: 1, value: 1, torn: [] });
    await writeCheckpoint(root, 2, files(2), 1);
    expect(readdirSync(root)).toEqual(["step-00000002"]);
  });

  test("that left a temporary folder is not taken for a checkpoint, and cleared away by the next write", async () => {
    const root = temporaryFolder();
    await writeCheckpoint(root, 1, files(1));
    mkdirSync(join(root, "step-00000002.tmp"));
    writeFileSync(join(root, "step-00000002.tmp", "model.safetensors"), bytes(1));
    expect(await newest(root)).toEqual({ step: 1, value: 1, torn: [] });
    await writeCheckpoint(root, 3, files(3));
    expect(readdirSync(root).sort()).toEqual(["step-00000001", "step-00000003"]);
  });
});

test("a checkpoint of the same step is replaced, also when an earlier replacement did not clear up", async () => {
  const root = temporaryFolder();
  renameSync(await writeCheckpoint(root, 1, files(0)), join(root, "step-00000001.replaced"));
  mkdirSync(join(root, "step-00000001"));
  await writeCheckpoint(root, 1, files(2));
  expect(readdirSync(root)).toEqual(["step-00000001"]);
  expect((await newest(root)).value).toBe(2);
});

describe("a newest checkpoint that is torn is passed over with the reason, and the older one is taken", () => {
  const damages: [name: string, damage: (folder: string) => void, reason: RegExp][] = [
    [
      "truncated",
      (at) => truncateSync(join(at, "model.safetensors"), 60),
      /model.safetensors: expected 100 bytes, got 60/,
    ],
    ["flipped", (at) => flip(join(at, "model.safetensors"), 50), /model.safetensors: expected sha256 \w+, got \w+/],
    ["without a file", (at) => rmSync(join(at, "state.json")), /state.json: expected the file, got no file/],
    ["without manifest", (at) => rmSync(join(at, "manifest.json")), /manifest.json: expected the file, got no file/],
    ["half a manifest", (at) => truncateSync(join(at, "manifest.json"), 30), /manifest.json: expected JSON/],
    [
      "another manifest",
      (at) => writeFileSync(join(at, "manifest.json"), "null"),
      /expected sizes and hashes of files/,
    ],
    ["a null in it", (at) => writeFileSync(join(at, "manifest.json"), '{"files":{"a":null}}'), /sizes and hashes/],
  ];
  test.each(damages)("%s", async (_, damage, reason) => {
    const root = temporaryFolder();
    await writeCheckpoint(root, 1, files(1));
    damage(await writeCheckpoint(root, 2, files(2)));
    const { step, value, torn } = await newest(root);
    expect({ step, value }).toEqual({ step: 1, value: 1 });
    expect(torn).toHaveLength(1);
    expect(torn[0]).toMatch(reason);
  });

  test("and does not push a whole one out when the run goes on from before it", async () => {
    const root = temporaryFolder();
    await writeCheckpoint(root, 5, files(5));
    flip(join(await writeCheckpoint(root, 8, files(8)), "state.json"), 0);
    await writeCheckpoint(root, 6, files(6), 1);
    expect(readdirSync(root)).toEqual(["step-00000006"]);
    expect(await newest(root)).toEqual({ step: 6, value: 6, torn: [] });
  });

  test("when all are torn nothing is taken in silence", async () => {
    const root = temporaryFolder();
    flip(join(await writeCheckpoint(root, 1, files(1)), "state.json"), 0);
    const error = await readNewestCheckpoint(root).catch((error) => error);
    expect(TrainingCheckpointError.is(error)).toBe(true);
    expect(error.message).toMatch(/expected at least one whole checkpoint, got only torn ones/);
    expect(existsSync(join(root, "step-00000001"))).toBe(true);
  });
});

function flip(path: string, at: number): void {
  const data = readFileSync(path);
  data[at]! ^= 1;
  writeFileSync(path, data);
}
