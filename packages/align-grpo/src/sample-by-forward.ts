import { packRows } from "@ds3/data";
import { OutOfRangeError } from "@ds3/errors";
import { sampleRows } from "@ds3/tensor";
import type { Policy } from "@ds3/trainer";
import { join } from "./pack-completions.ts";
import type { Rollout, RolloutSampling, SampledCompletion } from "./rollout-options.ts";

/** Options of `sampleByForward`. */
export interface SampleByForwardOptions {
  /** Sequences of one forward pass. What is drawn does not depend on it. Default 64. */
  readonly sequencesPerPass?: number;
}

interface Growing {
  readonly stream: number;
  ids: Int32Array;
  readonly tokens: number[];
  readonly logProbs: number[];
  stopped: boolean;
}

/**
 * Sampling for a policy that has nothing but logits: each new token is a forward pass over prompt and tokens so far. Right,
 * and slow: T new tokens cost what T passes do. A model with a cache of its own is far faster.
 *
 * Sequence i (by prompt, then sample) draws its token t by (seed, i, t). `signal` ends it early: completions are then as long
 * as they are. @throws OutOfRangeError as `sampleRows`, and for `sequencesPerPass`.
 */
export function sampleByForward(policy: Policy, options: SampleByForwardOptions = {}): Rollout {
  const { sequencesPerPass = 64 } = options;
  if (!(Number.isSafeInteger(sequencesPerPass) && sequencesPerPass >= 1)) {
    const [operand, expected, actual] = ["sequencesPerPass", "an integer >= 1", `${sequencesPerPass}`];
    throw new OutOfRangeError({ op: "sampleByForward", operand, expected, actual });
  }
  return async (prompts, sampling) => {
    const { samplesPerPrompt, maxNewTokens, signal } = sampling;
    const all = prompts.flatMap((ids, p) =>
      Array.from({ length: samplesPerPrompt }, (_, s): Growing => {
        return { stream: p * samplesPerPrompt + s, ids, tokens: [], logProbs: [], stopped: false };
      }),
    );
    for (let step = 0; step < maxNewTokens && !signal?.aborted; step++) {
      const active = all.filter(({ stopped }) => !stopped);
      for (let from = 0; from < active.length; from += sequencesPerPass) {
        await draw(policy, active.slice(from, from + sequencesPerPass), sampling, step);
      }
    }
    return all.map(finished);
  };
}

function finished({ tokens, logProbs, stopped }: Growing): SampledCompletion {
  return { tokens: Int32Array.from(tokens), logProbs: Float32Array.from(logProbs), stopped };
}

/** One more token of each sequence. */
async function draw(
  policy: Policy,
  sequences: readonly Growing[],
  sampling: RolloutSampling,
  step: number,
): Promise<void> {
  // In the order of their places, as a policy asks for rows.
  const packed = packRows(
    sequences.map(({ ids }) => ids),
    { separate: !policy.packs },
  );
  const placed = sequences
    .map((sequence, i) => ({ sequence, row: packed.starts[i]! + sequence.ids.length - 1 }))
    .sort((a, b) => a.row - b.row);
  const rows = Int32Array.from(placed, ({ row }) => row);
  const streams = Int32Array.from(placed, ({ sequence }) => sequence.stream);
  const [ids, logProbs] = await encode();
  for (const [n, { sequence }] of placed.entries()) {
    const id = ids[n]!;
    sequence.tokens.push(id);
    sequence.logProbs.push(logProbs[n]!);
    sequence.ids = join(sequence.ids, Int32Array.of(id));
    sequence.stopped = sampling.stopTokens.includes(id);
  }

  // The scope opens and closes without an await in between: it cannot meet another task's.
  function encode(): Promise<[Uint32Array, Float32Array]> {
    const { gpu } = policy;
    const { temperature, topK, topP, minP, seed } = sampling;
    const filters = {
      ...(topK === undefined ? {} : { topK }),
      ...(topP === undefined ? {} : { topP }),
      ...(minP === undefined ? {} : { minP }),
    };
    using _scope = gpu.scope("sample by forward");
    const drawn = gpu.noGrad(() =>
      sampleRows(policy.logits(packed, rows, false), { temperature, ...filters, seed, step, streams }),
    );
    return Promise.all([drawn.ids.data<"u32">(), drawn.logProbs.data()]);
  }
}
