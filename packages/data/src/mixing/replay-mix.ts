import { OutOfRangeError } from "@ds3/errors";
import { requireOptions } from "../require-options.ts";
import { BASE_RULES, requireNumbers, requireSource, requireSources } from "./mix-sources.ts";
import type { Mix, MixBaseOptions, MixDocument, MixSource } from "./mix-types.ts";
import { startMix } from "./mixer.ts";
import { limitEpochs, type SourcePlan } from "./plan-epochs.ts";

/** Options of `replayMix`. */
export interface ReplayOptions<D extends MixDocument = MixDocument> extends MixBaseOptions<D> {
  /** Share of the mix that is old, in [0, 1): 0.1 makes every tenth token an old one. */
  readonly ratio: number;
}

/**
 * Mix old documents among new ones, against forgetting what was learnt from the old ones (replay, or rehearsal).
 *
 * Every new document comes once. Of the old ones come as many as the ratio asks for, drawn evenly over all of them; when
 * they are too few they are repeated, up to `maxEpochs` times. Everything else is as with `mixSources`: the ratio holds
 * at any time up to one document of each, `report` says what was reached, `cursor` where to go on.
 * @throws OutOfRangeError for a ratio or another number that is none, or a cursor of another mix; ConfigError when both have
 * one name, for what is no source, and for an unknown option; EmptyDataError for new documents, or old ones with a ratio above 0, of which there are none.
 */
export async function replayMix<D extends MixDocument>(
  newDocuments: MixSource<D>,
  oldDocuments: MixSource<D>,
  options: ReplayOptions<D>,
): Promise<Mix<D>> {
  const op = "replayMix";
  requireSource(op, "newDocuments", newDocuments);
  requireSource(op, "oldDocuments", oldDocuments);
  const sources = [newDocuments, oldDocuments];
  requireSources(op, sources);
  requireOptions<ReplayOptions<D>>(op, options, { ...BASE_RULES, ratio: "any" });
  const { ratio, maxEpochs = 4 } = options;
  requireNumbers(op, options, sources);
  if (!(typeof ratio === "number" && ratio >= 0 && ratio < 1)) {
    const hint = "The ratio is the share of old ones in the whole mix.";
    throw new OutOfRangeError({ op, operand: "ratio", expected: "a number in [0, 1)", actual: `${ratio}`, hint });
  }
  const plan = ([fresh, old]: readonly number[]): SourcePlan[] => [
    { weight: 1 - ratio, epochs: 1, capped: false },
    limitEpochs({ weight: ratio, wanted: (ratio / (1 - ratio)) * fresh!, size: old! }, { maxEpochs }),
  ];
  return startMix(sources, plan, { ...options, op, isLeftOut: (name) => ratio === 0 && name === oldDocuments.name });
}
