import { type ActiveSequences, cacheRows, type LatentCache, uploadDecodeStep } from "@ds3/mla";
import { embedding, fusedMatvec, gatherRows, rmsNorm, Tensor } from "@ds3/tensor";
import type { DeepseekModel } from "./model.ts";

/**
 * Up to so many sequences read every weight once each; more share the reading through `matmul`. On the software adapter both
 * are equally fast at about 14 (docs/kernels.md); other adapters have not been measured.
 */
const FUSED_SEQUENCES = 8;

/**
 * The logits [A, V] behind one more token of each active sequence, which the caches take in. ids [A], of the host or
 * u32 on the GPU. Encodes, does not wait.
 */
export function decodeTokens(
  model: DeepseekModel,
  ids: Int32Array | Tensor,
  active: ActiveSequences,
  caches: readonly LatentCache[],
): Tensor {
  const { gpu, config, arena } = model;
  const table = arena.get("embed");
  const x = ids instanceof Tensor ? gatherRows(table, ids) : embedding(table, ids);
  const isFused = active.sequences.length <= FUSED_SEQUENCES && model.layers.every((layer) => layer.decodeStep);
  const norm = { gain: arena.get("norm"), eps: config.rmsNormEps };
  if (isFused) {
    const step = uploadDecodeStep(gpu, config, active);
    return fusedMatvec(
      throughLayers(x, caches, (y, i) => model.layers[i]!.decodeStep!(y, caches[i]!, step)),
      arena.get("head"),
      { norm },
    );
  }
  const rows = cacheRows(gpu, active);
  const rotation = model.rotations.of(rows.positions, Math.max(...rows.filled) + 1);
  const hidden = throughLayers(x, caches, (y, i) => model.layers[i]!.decode(y, rotation, caches[i]!, rows));
  return model.head(rmsNorm(hidden, norm.gain, { eps: norm.eps }));
}

function throughLayers(x: Tensor, caches: readonly LatentCache[], layer: (x: Tensor, i: number) => Tensor): Tensor {
  return caches.reduce((y, _, i) => layer(y, i), x);
}
