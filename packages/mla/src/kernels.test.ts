/** Kernels in all their variants. A new `*.wgsl.ts` file needs a line below. */
import { type Gpu, type KernelTarget, rmsNorm } from "@ds3/tensor";
import { type KernelSpec, normals, testKernels } from "@ds3/testing";
import { randomWeights, tokensOf, upload, withQueryLatent } from "../test/random-layer.ts";
import { absorbedAttentionWgsl } from "./absorbed-attention.wgsl.ts";
import { appendLatentsWgsl } from "./append-latents.wgsl.ts";
import { attentionHeadsBackwardWgsl, attentionHeadsWgsl } from "./attention-heads.wgsl.ts";
import { cacheRows } from "./cache-rows.ts";
import { decodeAttentionWgsl } from "./decode-attention.wgsl.ts";
import { decodeHeadsWgsl } from "./decode-heads.wgsl.ts";
import { appendLatents, createLatentCache } from "./latent-cache.ts";
import { mla } from "./mla.ts";
import { mlaDecode } from "./mla-decode.ts";
import { mlaDecodeStep, uploadDecodeStep } from "./mla-decode-step.ts";

const config = { ...withQueryLatent, vHeadDim: 12 };
const head = { nope: 12, R: 8, C: 28 };

const variants: KernelSpec["variants"] = {
  "absorbed-attention.wgsl.ts": (team) => [absorbedAttentionWgsl(team)],
  "append-latents.wgsl.ts": ({ size }) => [appendLatentsWgsl(size)],
  "attention-heads.wgsl.ts": ({ size }) => [attentionHeadsWgsl(size), attentionHeadsBackwardWgsl(size)],
  // For software adapters alone.
  "decode-attention.wgsl.ts": (team) =>
    (team.size <= 8 ? [true, false] : []).map((projected) =>
      decodeAttentionWgsl({ ...head, team, projected, downWidth: 56, headsWidth: 36 }),
    ),
  "decode-heads.wgsl.ts": (team) => [true, false].map((projected) => decodeHeadsWgsl({ ...head, team, projected })),
};

testKernels({
  folder: import.meta.dirname,
  variants,
  included: ["decode-head.wgsl.ts"],
  numbers: layer,
  tolerance: 1e-5,
});

/** Forward and backward over a short sequence, and one more token in both ways of decoding. */
async function layer(gpu: Gpu, target: KernelTarget): Promise<Record<string, ArrayLike<number>>> {
  const as = Object.defineProperty(gpu.fork(), "target", { value: target });
  using _scope = as.scope();
  const [T, D] = [21, config.hiddenSize];
  const norm = { gain: as.full([D], 1), eps: 1e-5 };
  const parameters = upload(as, config, randomWeights(config));
  const x = as.tensor(normals(T * D, 20), [T, D]);
  using tape = as.tape();
  tape.watch(x);
  const output = mla(rmsNorm(x, norm.gain, norm), config, parameters, tokensOf(as, config, 1, T));
  tape.backward(output.y, as.tensor(normals(T * D, 21), [T, D]));
  const [one, two] = [createLatentCache(as, config, 2, T + 1), createLatentCache(as, config, 2, T + 1)];
  const empty = { sequences: Int32Array.of(1), filled: Int32Array.of(0) };
  const active = { sequences: Int32Array.of(1), filled: Int32Array.of(T) };
  for (const cache of [one, two]) appendLatents(cache, output, cacheRows(as, empty));
  const next = as.tensor(normals(D, 22), [1, D]);
  const rows = cacheRows(as, active);
  const rotation = { ...tokensOf(as, config, 1, T + 1).rotation, positions: rows.positions };
  const decoded = mlaDecode(rmsNorm(next, norm.gain, norm), config, parameters, rotation, one, rows);
  const stepped = mlaDecodeStep(next, config, parameters, norm, two, uploadDecodeStep(as, config, active));
  return {
    y: await output.y.data(),
    "gradient of x": await tape.gradient(x)!.data(),
    decoded: await decoded.data(),
    stepped: await stepped.data(),
    entries: await two.entries.data(),
  };
}
