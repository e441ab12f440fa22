import { StateError } from "@ds3/errors";
import type { MlaTokens } from "@ds3/mla";
import { type MtpDepth, type MtpOutput, mtpLoss, mtpParameters } from "@ds3/mtp";
import {
  Arena,
  add,
  embedding,
  fillNormal,
  type Gpu,
  linearCrossEntropy,
  matmul,
  rmsNorm,
  type Tensor,
} from "@ds3/tensor";
import type { DeepseekConfig } from "./config.ts";
import { createDecoderLayer, type DecoderLayer, type DecoderLayerOutput } from "./decoder-layer.ts";
import { loadModelFiles, saveModelFiles } from "./model-files.ts";
import { assertModelOptions, type DeepseekOptions } from "./model-options.ts";
import { createState, modelParameterSpecs } from "./model-parameters.ts";
import { assertConfig } from "./parse-config.ts";
import { type Linears, resolveLinears } from "./precision.ts";
import { createRotationTables, type RotationTables } from "./rotation-tables.ts";
import {
  assertRows,
  assertTokenBatch,
  documentStarts,
  firstTokens,
  type TokenBatch,
  type TrainingBatch,
} from "./token-batch.ts";

/** What a forward pass computed; all [T, ...] with T = batch x length. */
export interface ForwardOutput {
  /** Embeddings [T, D]. */
  readonly embedded: Tensor;
  readonly layers: readonly DecoderLayerOutput[];
  /** After the final norm [T, D]: the head's input. */
  readonly normed: Tensor;
}

/** What heads and losses take of a pass over the main layers; [T, D]. */
interface MainStates {
  /** Before the final norm. */
  readonly hidden: Tensor;
  /** After it. */
  readonly normed: Tensor;
  /** Scalars [] of the layers with experts, in training. */
  readonly balanceLosses: Tensor[];
}

/** The loss of a batch with its parts; the terms add up to `total`. */
export interface DeepseekLoss {
  readonly total: Tensor;
  readonly terms: Readonly<Record<string, Tensor>>;
  /** Present when the model has multi-token prediction modules. */
  readonly mtp?: MtpOutput;
}

/**
 * A DeepSeek-V3 model: parameters in an arena, forward, loss, expert balancing. Make one with `createDeepseek`.
 * `mtpLossWeight` and `biasUpdateSpeed` may be changed between steps, as DeepSeek-V3's schedule does.
 */
export class DeepseekModel {
  readonly gpu: Gpu;
  readonly config: DeepseekConfig;
  readonly arena: Arena;
  /** Router biases and load counters by name: state that gradients do not train. */
  readonly state: ReadonlyMap<string, Tensor>;
  readonly layers: readonly DecoderLayer[];
  readonly rotations: RotationTables;
  /** Whether there is a parameter `score` [1, hiddenSize]. */
  readonly scoreHead: boolean;
  /** Several sequences may share a row: `positions` and `documentIds` keep them apart. */
  readonly packs: true = true;
  mtpLossWeight: number;
  biasUpdateSpeed: number;
  readonly #mtpHidden: "normed" | "raw";
  readonly #mtpLossDenominator: "T" | "T-k";
  readonly #linear: Linears["linear"];

  /** Use `createDeepseek`. */
  constructor(gpu: Gpu, config: DeepseekConfig, options: DeepseekOptions) {
    const linears = resolveLinears(options);
    this.gpu = gpu;
    this.config = config;
    this.scoreHead = options.scoreHead ?? false;
    this.arena = new Arena(gpu, modelParameterSpecs(config, this));
    this.#linear = linears.linear;
    this.mtpLossWeight = options.mtpLossWeight ?? 0.3;
    this.biasUpdateSpeed = options.biasUpdateSpeed ?? 0.001;
    this.#mtpHidden = options.mtpHidden ?? "normed";
    this.#mtpLossDenominator = options.mtpLossDenominator ?? "T";
    this.state = createState(gpu, config);
    const layerOptions = { balanceLossWeight: 1e-4, balanceTopk: "literal" as const, ...options, ...linears };
    const get = (name: string): Tensor => this.state.get(name) ?? this.arena.get(name);
    const count = config.numHiddenLayers + config.numNextnPredictLayers;
    this.layers = Array.from({ length: count }, (_, i) => createDecoderLayer(gpu, config, i, get, layerOptions));
    this.rotations = createRotationTables(gpu, config);
  }

  /** Encodes the main model. With `training`, expert loads are counted and balance losses computed. */
  forward(tokens: TokenBatch, training = false): ForwardOutput {
    const where = this.#tokens(tokens);
    const embedded = this.#embed(tokens.inputs);
    const layers: DecoderLayerOutput[] = [];
    let x = embedded;
    for (const layer of this.#mainLayers()) {
      const output = layer.forward(x, where, training);
      layers.push(output);
      x = output.hidden;
    }
    return { embedded, layers, normed: this.#norm(x) };
  }

  /** Logits [T, V] of normed hidden states [T, D]; in f32 whatever `precision` is. */
  head(normed: Tensor): Tensor {
    return matmul(normed, this.arena.get("head"), { layout: "nt" });
  }

  /**
   * Logits [R, V] of the token behind each of the inputs at `rows` [R], indices into batch x length: the head sees no
   * other row. Differentiable; encodes, does not wait. With `training`, expert loads are counted.
   * @throws OutOfRangeError for a row that the batch does not have; ShapeError.
   */
  logits(tokens: TokenBatch, rows: Int32Array, training: boolean): Tensor {
    return this.head(this.#states(tokens, rows, training));
  }

  /**
   * Scores [R] of the sequences up to each of the inputs at `rows` [R], by the score head; otherwise as `logits`.
   * @throws StateError without `scoreHead: true`; OutOfRangeError, ShapeError as `logits`.
   */
  scores(tokens: TokenBatch, rows: Int32Array, training: boolean): Tensor {
    if (!this.scoreHead) throw noScoreHead();
    const states = this.#states(tokens, rows, training);
    return matmul(states, this.arena.get("score"), { layout: "nt" }).reshape([rows.length]);
  }

  /**
   * Loss of a batch: mean next-token cross-entropy in nats, plus lambda times the multi-token prediction losses, plus
   * the sequence-wise balance losses (report, Eq. 17 to 25). The terms are logged as they enter the total. With the batch's
   * `weights` token losses are weighted means, sum w l / sum w; the balance losses count every token alike, as do loads.
   */
  loss(batch: TrainingBatch): DeepseekLoss {
    const states = this.#mainStates(batch, true);
    const main = linearCrossEntropy(states.normed, this.arena.get("head"), batch.targets, { weights: batch.weights });
    const mtp = this.#mtpLoss(batch, states);
    const terms: Record<string, Tensor> = { main, ...(mtp ? { mtp: mtp.loss } : {}) };
    const balance = states.balanceLosses.map((loss) => loss.reshape([1]));
    if (balance.length > 0) terms.balance = balance.reduce(add);
    return { total: Object.values(terms).reduce(add), terms, ...(mtp ? { mtp } : {}) };
  }

  /** Moves every expert bias by the loads since the last call, which are then counted anew. */
  afterStep(): void {
    for (const { moe } of this.layers) moe?.updateBias(this.biasUpdateSpeed);
  }

  /** Tokens per expert since the last `afterStep`: [expert layers, nRoutedExperts] u32; undefined without experts. */
  expertLoads(): Tensor | undefined {
    const counters = this.layers.flatMap(({ moe }) => (moe ? [moe.parameters.load] : []));
    if (counters.length === 0) return undefined;
    const loads = this.gpu.empty([counters.length, this.config.nRoutedExperts], "u32", "expert loads");
    for (const [row, counter] of counters.entries()) this.gpu.copy(counter, loads, row * counter.bytes);
    return loads;
  }

  /** The model as files in Hugging Face's layout, exactly as it is: `load` of the same config gives it back. */
  save(): Promise<Record<string, Uint8Array>> {
    return saveModelFiles(this);
  }

  /** Loads files that `save` gave. @throws CheckpointError when they are of another config. */
  async load(files: Readonly<Record<string, Uint8Array>>): Promise<void> {
    loadModelFiles(this, files);
  }

  /** Normed states [R, D] of some rows: a lookup whose table is the states, so it has a gradient. */
  #states(tokens: TokenBatch, rows: Int32Array, training: boolean): Tensor {
    assertRows(rows, tokens);
    return embedding(this.#mainStates(tokens, training).normed, rows);
  }

  #mainStates(tokens: TokenBatch, training: boolean): MainStates {
    const where = this.#tokens(tokens);
    const balanceLosses: Tensor[] = [];
    let hidden = this.#embed(tokens.inputs);
    for (const layer of this.#mainLayers()) {
      const output = layer.block(hidden, where, training);
      hidden = output.hidden;
      if (output.balanceLoss) balanceLosses.push(output.balanceLoss);
    }
    return { hidden, normed: this.#norm(hidden), balanceLosses };
  }

  /** Adds its layers' balance losses to those of the main states. */
  #mtpLoss(batch: TrainingBatch, { hidden: raw, normed, balanceLosses }: MainStates): MtpOutput | undefined {
    const { numNextnPredictLayers: depths, numHiddenLayers, hiddenSize, vocabSize, rmsNormEps } = this.config;
    if (depths === 0) return undefined;
    const config = { hiddenSize, vocabSize, rmsNormEps, ...this.#mtpSettings() };
    const hidden = this.#mtpHidden === "normed" ? normed : raw;
    const modules = Array.from({ length: depths }, (_, k): MtpDepth => {
      const layer = numHiddenLayers + k;
      return {
        parameters: mtpParameters((name) => this.arena.get(name), `layers.${layer}.mtp.`),
        block: (x, { length }) => {
          const output = this.layers[layer]!.block(x, this.#tokens(firstTokens(batch, length)), true);
          if (output.balanceLoss) balanceLosses.push(output.balanceLoss);
          return output.hidden;
        },
      };
    });
    const shared = { embed: (ids: Int32Array) => this.#embed(ids), head: this.arena.get("head") };
    return mtpLoss(
      config,
      { ...batch, inputIds: batch.inputs, labels: batch.targets, hidden },
      modules,
      shared,
      this.#linear,
    );
  }

  #mtpSettings(): { mtpHidden: "normed" | "raw"; mtpLossDenominator: "T" | "T-k"; mtpLossWeight: number } {
    return {
      mtpHidden: this.#mtpHidden,
      mtpLossDenominator: this.#mtpLossDenominator,
      mtpLossWeight: this.mtpLossWeight,
    };
  }

  #mainLayers(): readonly DecoderLayer[] {
    return this.layers.slice(0, this.config.numHiddenLayers);
  }

  #norm(hidden: Tensor): Tensor {
    return rmsNorm(hidden, this.arena.get("norm"), { eps: this.config.rmsNormEps });
  }

  #embed(ids: Int32Array): Tensor {
    return embedding(this.arena.get("embed"), ids);
  }

  #tokens(tokens: TokenBatch): MlaTokens {
    assertTokenBatch(tokens);
    const { batch, length, positions, documentIds } = tokens;
    const rotation = positions ? this.rotations.at(positions) : this.rotations.consecutive(batch, length);
    if (!documentIds) return { batch, length, rotation };
    const documentStart = this.gpu.tensor(
      documentStarts(documentIds, length),
      [batch, length],
      "u32",
      "document starts",
    );
    return { batch, length, rotation, documentStart };
  }
}

/**
 * A model with fresh parameters: normal with deviation initializerRange, norms 1, biases 0, drawn by Philox from `seed`.
 *
 * Its tensors belong to the scope that is open at the call. Load a checkpoint with `loadModelFiles`.
 * @throws ConfigError for a config or an option that is unknown, out of range, or contradicts another.
 */
export function createDeepseek(
  gpu: Gpu,
  config: DeepseekConfig,
  options: DeepseekOptions & { readonly seed?: number } = {},
): DeepseekModel {
  assertConfig(config);
  assertModelOptions(options);
  const { seed = 0 } = options;
  const model = new DeepseekModel(gpu, config, options);
  let stream = 0;
  for (const [name, parameter] of model.arena.parameters) {
    if (/norm$/i.test(name)) gpu.write(parameter, new Float32Array(parameter.size).fill(1));
    else fillNormal(parameter, config.initializerRange, { seed, stream: stream++ });
  }
  return model;
}

function noScoreHead(): StateError {
  return new StateError({
    op: "scores",
    operand: "model",
    expected: "a score head",
    actual: "none",
    hint: "Create or load the model with scoreHead: true.",
  });
}
