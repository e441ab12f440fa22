/** Files larger than what readFile gives. They are sparse: zeros take no disk. */
import { appendFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FormatError } from "@ds3/errors";
import { serializeSafetensors } from "@ds3/tensor/safetensors";
import { temporaryFolder, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { smallConfig } from "../test/small-model.ts";
import { CheckpointError } from "./check-strict.ts";
import { createDeepseek } from "./model.ts";
import { loadCheckpoint, saveCheckpoint } from "./node.ts";
import { openSafetensors } from "./open-safetensors.ts";

const device = useTestGpu();
const LARGE = 2 ** 31 + 16;
/** More than is read at once. */
const WIDE = 2 ** 26 + 8;
const TAIL = Uint8Array.of(0, 0, 128, 63, 0, 0, 0, 192);

/** A file of [2^31 + 16] zeros, [2^26 + 8] that end in the bytes of TAIL, and TAIL again as the f32 numbers 1 and -2. */
function largeFile(path: string): void {
  const header = JSON.stringify({
    large: { dtype: "U8", shape: [LARGE], data_offsets: [0, LARGE] },
    wide: { dtype: "U8", shape: [WIDE], data_offsets: [LARGE, LARGE + WIDE] },
    small: { dtype: "F32", shape: [2], data_offsets: [LARGE + WIDE, LARGE + WIDE + 8] },
  });
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  writeFileSync(path, length);
  appendFileSync(path, header);
  truncateSync(path, 8 + header.length + LARGE + WIDE - TAIL.length);
  appendFileSync(path, TAIL);
  appendFileSync(path, TAIL);
}

test("tensors behind 2 GiB, one of them read in several pieces, then the file is closed", () => {
  const path = join(temporaryFolder(), "model.safetensors");
  largeFile(path);
  const file = openSafetensors(path);
  expect([...file.tensors.keys()]).toEqual(["large", "wide", "small"]);
  expect(file.tensors.get("small")).toMatchObject({ dtype: "F32", shape: [2], bytes: TAIL });
  expect(file.tensors.get("small")!.data).toEqual(Float32Array.of(1, -2));
  const { bytes } = file.tensors.get("wide")!;
  expect([bytes.length, bytes.findIndex((byte) => byte !== 0)]).toEqual([WIDE, WIDE - 6]);
  expect(bytes.subarray(-TAIL.length)).toEqual(TAIL);
  file.close();
  expect(() => file.tensors.get("small")!.data).toThrow("EBADF");
});

test("a checkpoint's file of more than 2 GiB is read: what is wrong with it is its tensors", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const folder = join(temporaryFolder(), "model");
  await saveCheckpoint(createDeepseek(gpu, smallConfig), folder);
  largeFile(join(folder, "model.safetensors"));
  await expect(loadCheckpoint(gpu, folder)).rejects.toThrow(CheckpointError);
  await expect(loadCheckpoint(gpu, folder)).rejects.toThrow(/3 extra: large, wide, small/);
});

test("damaged files are refused as whole ones in memory, missing ones with what to do", () => {
  const path = join(temporaryFolder(), "model.safetensors");
  const whole = serializeSafetensors([{ name: "a", dtype: "F32", shape: [2], data: Float32Array.of(1, 2) }]);
  for (const [bytes, message] of [
    [whole.subarray(0, 5), /header length: expected 8 bytes, got a file of 5 bytes/],
    [whole.subarray(0, 20), /header: expected \d+ bytes from byte 8, got a file of 20 bytes/],
    [whole.subarray(0, whole.length - 1), /"a": expected offsets within 7 bytes/],
    [new Uint8Array(64).fill(255), /header length: expected at most/],
  ] as const) {
    writeFileSync(path, bytes);
    expect(() => openSafetensors(path)).toThrow(FormatError);
    expect(() => openSafetensors(path)).toThrow(message);
  }
  expect(() => openSafetensors(`${path}.lost`)).toThrow(FormatError);
  expect(() => openSafetensors(`${path}.lost`)).toThrow(
    /expected a readable file, got ENOENT.*Check the folder's name/,
  );
  writeFileSync(path, whole);
  const { tensors, close } = openSafetensors(path);
  truncateSync(path, whole.length - 1);
  expect(() => tensors.get("a")!.data).toThrow(/got the file ends at byte \d+\./);
  close();
});
