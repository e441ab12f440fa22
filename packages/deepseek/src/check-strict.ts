import { didYouMean, FormatError } from "@ds3/errors";
import { type CheckpointTensor, SCORE } from "./checkpoint-names.ts";

/** A tensor that a checkpoint must hold: one of its config, or the block scales of one. */
export type WantedTensor = Pick<CheckpointTensor, "name" | "shape" | "layer" | "copyOf">;

/** What is known of a tensor that a file holds. */
export interface FoundTensor {
  readonly shape: readonly number[];
}

/** A tensor whose stored shape is not the one that the config asks for. */
export interface MisshapedTensor {
  readonly name: string;
  readonly expected: readonly number[];
  readonly actual: readonly number[];
}

/** Every way in which a checkpoint's tensors differ from the config's. */
export interface CheckpointDifference {
  readonly missing: readonly string[];
  readonly extra: readonly string[];
  readonly misshaped: readonly MisshapedTensor[];
}

/** A checkpoint does not hold exactly the tensors of its config. The message lists ten of each kind, the fields all. */
export class CheckpointError extends FormatError implements CheckpointDifference {
  static override readonly name: string = "CheckpointError";
  readonly missing: readonly string[];
  readonly extra: readonly string[];
  readonly misshaped: readonly MisshapedTensor[];

  constructor(difference: CheckpointDifference, wanted: readonly WantedTensor[]) {
    const { missing, extra, misshaped } = difference;
    const shapes = misshaped.map(({ name, expected, actual }) => `${name} [${actual}], expected [${expected}]`);
    super({
      op: "checkStrict",
      operand: "checkpoint",
      expected: `the ${wanted.length} tensors of its config`,
      actual: [listed("missing", missing), listed("extra", extra), listed("misshaped", shapes)]
        .filter(Boolean)
        .join("; "),
      hint: hintFor(difference, wanted),
    });
    this.missing = missing;
    this.extra = extra;
    this.misshaped = misshaped;
  }
}

/**
 * Compare the tensors that were found with those that a config wants.
 *
 * @throws CheckpointError naming all missing, extra and misshaped tensors.
 */
export function checkStrict(found: ReadonlyMap<string, FoundTensor>, wanted: readonly WantedTensor[]): void {
  const names = new Set(wanted.map(({ name }) => name));
  const missing: string[] = [];
  const misshaped: MisshapedTensor[] = [];
  for (const { name, shape } of wanted) {
    const tensor = found.get(name);
    if (tensor === undefined) missing.push(name);
    else if (tensor.shape.join() !== shape.join()) misshaped.push({ name, expected: shape, actual: tensor.shape });
  }
  const extra = [...found.keys()].filter((name) => !names.has(name));
  if (missing.length + extra.length + misshaped.length > 0) {
    throw new CheckpointError({ missing, extra, misshaped }, wanted);
  }
}

const SHOWN = 10;

function listed(what: string, items: readonly string[]): string {
  if (items.length === 0) return "";
  const rest = items.length > SHOWN ? `, and ${items.length - SHOWN} more` : "";
  return `${items.length} ${what}: ${items.slice(0, SHOWN).join(", ")}${rest}`;
}

function hintFor(difference: CheckpointDifference, wanted: readonly WantedTensor[]): string {
  const { missing, extra, misshaped } = difference;
  const isScale = (name: string): boolean => name.endsWith("_scale_inv");
  if (misshaped.some(({ name }) => isScale(name))) {
    return "Scales of FP8 weights are one for each block of 128 x 128; other sizes are not read.";
  }
  if (missing.some(isScale)) return "Weights in FP8 need their block scales, maybe in a shard that is not there.";
  if (extra.some((name) => isScale(name) && !missing.includes(name.slice(0, -"_scale_inv".length)))) {
    return "Block scales belong to weights in FP8, F8_E4M3: take out those of other weights.";
  }
  if (missing.length + misshaped.length === 0 && extra.join() === SCORE) {
    return "It has a score head: create the model with scoreHead: true.";
  }
  const copies = wanted.filter(({ copyOf }) => copyOf !== undefined).map(({ layer }) => layer);
  const isMtp = (name: string) => copies.includes(Number(name.match(/^model\.layers\.(\d+)\./)?.[1]));
  if (extra.length + misshaped.length === 0 && missing.every(isMtp)) {
    return "It has no multi-token prediction layers: set num_nextn_predict_layers to 0 to load it without them.";
  }
  if (missing.length > 0 && extra.length > 0) return `"${extra[0]}": ${didYouMean(extra[0], missing.slice(0, 1000))}`;
  return "Check that config.json belongs to these weights and that no shard of them is left out.";
}
