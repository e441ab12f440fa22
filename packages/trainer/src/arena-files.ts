import { FormatError } from "@ds3/errors";
import type { Arena } from "@ds3/tensor";
import { parseSafetensors, type SafetensorsTensor, serializeSafetensors } from "@ds3/tensor/safetensors";
import type { TrainableModel } from "./types.ts";

const FILE = "model.safetensors";

/**
 * `save` and `load` of a model whose whole state is its arena: every parameter as F32 in model.safetensors, by its name.
 *
 * `load` throws FormatError naming a tensor that is missing, too many or of another shape or dtype, before it writes any.
 */
export function arenaFiles(arena: Arena): Pick<TrainableModel<unknown>, "save" | "load"> {
  const { parameters } = arena;
  return {
    async save() {
      const entries = [...parameters].map(async ([name, parameter]) => ({
        name,
        dtype: "F32" as const,
        shape: parameter.shape,
        data: await parameter.data(),
      }));
      return { [FILE]: serializeSafetensors(await Promise.all(entries)) };
    },
    async load(files) {
      const file = files[FILE];
      if (!file) throw refused(FILE, "the file", Object.keys(files).join(", ") || "no file");
      const stored = parseSafetensors(file);
      for (const name of stored.keys()) if (!parameters.has(name)) throw refused(name, "no such tensor", "one");
      const hosts = [...parameters].map(([name, { shape }]) => valuesOf(name, shape, stored.get(name)));
      for (const [i, parameter] of [...parameters.values()].entries()) parameter.gpu.write(parameter, hosts[i]!);
    },
  };
}

function valuesOf(name: string, shape: readonly number[], stored: SafetensorsTensor | undefined): ArrayLike<number> {
  if (stored?.dtype === "F32" && `${stored.shape}` === `${shape}`) return stored.data as ArrayLike<number>;
  throw refused(name, `F32 [${shape}]`, stored ? `${stored.dtype} [${stored.shape}]` : "nothing");
}

function refused(operand: string, expected: string, actual: string): FormatError {
  const hint = "Load what save() of the same model gave.";
  return new FormatError({ op: "load", operand, expected, actual, hint });
}
