import { Arena, add, embedding, fillNormal, type Gpu, matmul } from "@ds3/tensor";
import { arenaFiles, type Policy, type TokenRows } from "@ds3/trainer";

export const VOCABULARY = 23;
const WIDTH = 12;

/**
 * The smallest language model that sees further back than one token: logits = (current[x_i] + before[x_i-1]) head^T,
 * where a sequence's first token has a "nothing before" of its own. Nothing of it is ours but the tensors.
 */
export function createTinyPolicy(gpu: Gpu, options: { readonly seed?: number; readonly packs?: boolean } = {}): Policy {
  const { seed = 1, packs = false } = options;
  const arena = new Arena(gpu, [
    { name: "current", shape: [VOCABULARY, WIDTH], decay: true },
    { name: "before", shape: [VOCABULARY + 1, WIDTH], decay: true },
    { name: "head", shape: [VOCABULARY, WIDTH], decay: true },
  ]);
  for (const [stream, parameter] of [...arena.parameters.values()].entries())
    fillNormal(parameter, 0.3, { seed, stream });
  return {
    gpu,
    arena,
    packs,
    logits(tokens, rows) {
      const hidden = add(
        embedding(
          arena.get("current"),
          rows.map((row) => tokens.inputs[row]!),
        ),
        embedding(
          arena.get("before"),
          rows.map((row) => tokenBefore(tokens, row, packs)),
        ),
      );
      return matmul(hidden, arena.get("head"), { layout: "nt" });
    },
    ...arenaFiles(arena),
  };
}

/** The token before one in its sequence; VOCABULARY where it is the first. */
function tokenBefore({ inputs, documentIds, length }: TokenRows, row: number, packs: boolean): number {
  const isFirst = row % length === 0 || (packs && documentIds![row] !== documentIds![row - 1]);
  return isFirst ? VOCABULARY : inputs[row - 1]!;
}
