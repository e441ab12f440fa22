import { join } from "node:path";
import {
  computeReferenceLogProbs,
  createPreferenceBatches,
  dpoModel,
  encodePreferences,
  type PreferencePair,
  preferenceAccuracy,
  type ReferenceLogProbs,
} from "@ds3/align-dpo";
import { permutation } from "@ds3/data";
import { optimizerFor } from "@ds3/example-shared";
import { formatProgress, learningRate, train } from "@ds3/trainer";
import { type ReplyPair, replyPairs, type Sum } from "./arithmetic.ts";
import type { Stage, StageContext } from "./stage.ts";

/** Stream of the seed that chooses among the pairs. */
const PAIR_STREAM = 104;

/** Direct preference optimisation: right replies over replies with a slip, judged by how often the right one gained. */
export function dpoStage({ format, plan, precision, sums, terminal, signal, seed }: StageContext): Stage {
  const { steps, batch, beta, nllWeight, learningRate: peak } = plan.dpo;
  const encode = (from: readonly Sum[], most?: number): readonly PreferencePair[] => {
    const all = replyPairs(from, seed);
    // Not more than are learned from: each costs two forward passes of the reference.
    const kept = [...permutation(all.length, { seed, stream: PAIR_STREAM })].slice(0, most).map((i) => all[i]!);
    return encodePreferences(kept.map(preference), format.tokenizer, format.template).pairs;
  };
  const heldOut = encode(sums.heldOut.slice(0, plan.heldOutSums));
  let heldOutReference: Promise<ReferenceLogProbs> | undefined;
  return {
    name: "dpo",
    measure: "held-out pairs whose right reply gained on the wrong one since the stage began",
    unit: "share",
    metrics: "metrics.jsonl",
    async measureHeldOut(model) {
      // Asked before the stage trains, the model is its own reference.
      heldOutReference ??= computeReferenceLogProbs(model, heldOut);
      const reference = await heldOutReference;
      const { accuracy, n } = await preferenceAccuracy(model, heldOut, { by: "sequence", reference });
      return { value: accuracy, n };
    },
    async train(model, files) {
      const pairs = encode(sums.train, steps * batch);
      const cache = join(files.folder, `reference-${precision}.safetensors`);
      const reference = await computeReferenceLogProbs(model, pairs, { cache, onNote: terminal.print });
      const schedule = {
        kind: "cosine",
        peak,
        floor: peak / 10,
        warmupSteps: Math.ceil(steps / 10),
        totalSteps: steps,
      } as const;
      return train({
        ...files,
        model: dpoModel(model, { beta, nllWeight }),
        batches: createPreferenceBatches(pairs, {
          batch,
          reference,
          seed,
          packs: model.packs,
          length: plan.sft.length,
        }),
        steps,
        schedule: (step, tokens) => learningRate(schedule, step, tokens),
        optimizer: optimizerFor(precision),
        settings: { precision, seed, steps, batch, beta, nllWeight, peak },
        checkpointEvery: Math.ceil(steps / 2),
        signal,
        onProgress: (progress) => terminal.status(formatProgress(progress)),
        onNote: terminal.print,
      });
    },
    curves: [
      { label: "margin between the rewards of right and wrong replies", value: ({ terms }) => terms.margin! },
      { label: "pairs with the larger reward on the right reply", value: ({ terms }) => terms.accuracy! },
    ],
  };
}

function preference({ question, chosen, rejected }: ReplyPair) {
  return { messages: [{ role: "user", content: question }], chosen, rejected };
}
