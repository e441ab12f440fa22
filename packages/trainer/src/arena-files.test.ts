import { FormatError } from "@ds3/errors";
import { Arena, fillNormal } from "@ds3/tensor";
import { parseSafetensors } from "@ds3/tensor/safetensors";
import { useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { arenaFiles } from "./arena-files.ts";

const device = useTestGpu();

test("an arena goes to a file and back bit for bit; another arena's file is refused before anything is written", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const create = (...shapes: [string, number[]][]) =>
    new Arena(
      gpu,
      shapes.map(([name, shape]) => ({ name, shape, decay: true })),
    );
  const arena = create(["a", [3, 5]], ["b", [7]]);
  for (const parameter of arena.parameters.values()) fillNormal(parameter, 1, { seed: parameter.size });
  const files = await arenaFiles(arena).save();
  const stored = parseSafetensors(files["model.safetensors"]!);
  expect([...stored].map(([name, { dtype, shape }]) => [name, dtype, shape])).toEqual([
    ["a", "F32", [3, 5]],
    ["b", "F32", [7]],
  ]);
  const copy = create(["a", [3, 5]], ["b", [7]]);
  await arenaFiles(copy).load(files);
  expect(await copy.segments[0]!.values.data()).toEqual(await arena.segments[0]!.values.data());

  const refuses = async (other: Arena, message: RegExp, from = files) => {
    const error = await arenaFiles(other)
      .load(from)
      .catch((error) => error);
    expect(FormatError.is(error)).toBe(true);
    expect(error.message).toMatch(message);
    expect((await other.segments[0]!.values.data()).some(Boolean)).toBe(false);
  };
  await refuses(create(["a", [3, 5]], ["b", [8]]), /^load: b: expected F32 \[8\], got F32 \[7\]/);
  await refuses(create(["a", [3, 5]], ["b", [7]], ["c", [1]]), /c: expected F32 \[1\], got nothing/);
  await refuses(create(["a", [3, 5]]), /b: expected no such tensor, got one/);
  await refuses(create(["a", [3, 5]]), /model.safetensors: expected the file, got other/, { other: new Uint8Array() });
});
