/*
 * The tiny GPT's training step in jax-js.
 *
 * What was done for its speed: forward, backward and AdamW are jitted, so element-wise chains are fused; attention is the
 * library's own `dotProductAttention`; parameters and moments are passed on (no `.ref`), so a step gives back its old
 * arrays. The embedding is a lookup, and its gradient a scatter outside jit: jit refuses that scatter, and the detour is
 * 2 to 10 % faster than a product with one-hot rows. The loss picks the targets by a one-hot mask, which jit folds into
 * the reduction (the gradient of takeAlongAxis fails under jit).
 */
import { jit, nn, numpy as np, tree, valueAndGrad, vjp } from "@jax-js/jax";
import { readBatch } from "../gpt.ts";
import type { Training } from "./contender.ts";
import { ADAMW, countLayers, GPT, readWeights } from "./gpt-weights.ts";

/** Arrays by the tensors' names. A type alias: jax-js takes trees of those, not interfaces. */
type Arrays = { [name: string]: np.Array };

/** Parameters and both moments. */
type State = { parameters: Arrays; means: Arrays; squares: Arrays };

/** The run at its first step. */
export function createJaxGpt(folder: string): Training {
  const weights = readWeights(folder);
  const { inputs, targets, batch, length } = readBatch(folder);
  const tokensPerStep = batch * length;
  const ids = np.array(inputs as Int32Array<ArrayBuffer>, { dtype: np.int32 });
  const labels = np.array(targets as Int32Array<ArrayBuffer>, { dtype: np.int32 });
  const step = createStep(batch, length, countLayers(weights));
  const arrays = (create: (weight: (typeof weights)[number]) => np.Array): Arrays =>
    Object.fromEntries(weights.map((weight) => [weight.name, create(weight)]));
  let state: State = {
    parameters: arrays(({ values, shape }) => np.array(values).reshape(shape)),
    means: arrays(({ shape }) => np.zeros(shape)),
    squares: arrays(({ shape }) => np.zeros(shape)),
  };
  let steps = 0;
  const advance = (): np.Array => {
    steps += 1;
    const [loss, next] = step(state, ids.ref, labels.ref, steps);
    state = next;
    return loss;
  };
  const read = async (loss: np.Array): Promise<number> => (await loss.data())[0]!;
  return {
    tokensPerStep,
    losses: async (count) => {
      const losses: number[] = [];
      for (let i = 0; i < count; i++) losses.push(await read(advance()));
      return losses;
    },
    run: async (count) => {
      for (let i = 1; i < count; i++) advance().dispose();
      await read(advance());
    },
  };
}

function createStep(batch: number, length: number, layers: number) {
  const lossOf = createLoss(batch, length, layers);
  const gradients = jit((parameters: Arrays, ids: np.Array, labels: np.Array) => {
    const { wte, ...rest } = parameters;
    const embedded = np.take(wte!, ids, 0);
    const [loss, [grads, embeddedGrad]] = valueAndGrad(lossOf, { argnums: [0, 1] })(rest, embedded, labels);
    return [loss, grads as Arrays, embeddedGrad] as [np.Array, Arrays, np.Array];
  });
  const update = jit(adamW);
  return (state: State, ids: np.Array, labels: np.Array, step: number): [np.Array, State] => {
    const table = state.parameters.wte!.ref;
    const [loss, grads, embeddedGrad] = gradients(tree.ref(state.parameters), ids.ref, labels);
    const [embedded, backward] = vjp((wte: np.Array) => np.take(wte, ids.ref, 0), [table]);
    const [wte] = backward(embeddedGrad);
    for (const owned of [embedded, backward, ids]) owned.dispose();
    const corrections = [ADAMW.beta1, ADAMW.beta2].map((beta) => np.array(1 / (1 - beta ** step)));
    return [loss, update(state, { ...grads, wte: wte! }, corrections[0]!, corrections[1]!)];
  };
}

/** Mean cross-entropy of `embedded` [B*T, D] against `labels` [B*T]. Each parameter is used once, so none needs `.ref`. */
function createLoss(batch: number, length: number, layers: number) {
  const rows = batch * length;
  const norm = (x: np.Array, gain: np.Array): np.Array => nn.standardize(x, -1, { epsilon: GPT.epsilon }).mul(gain);
  const attend = (x: np.Array, width: number): np.Array => {
    const qkv = x.reshape([batch, length, 3, GPT.heads, width / GPT.heads]);
    const [q, k, v] = [qkv.ref.slice([], [], 0), qkv.ref.slice([], [], 1), qkv.slice([], [], 2)];
    return nn.dotProductAttention(q, k, v, { isCausal: true }).reshape([rows, width]);
  };
  return (p: Arrays, embedded: np.Array, labels: np.Array): np.Array => {
    const width = embedded.shape[1]!;
    let x = embedded.reshape([batch, length, width]).add(p.wpe!).reshape([rows, width]);
    for (let i = 0; i < layers; i++) {
      const qkv = np.matmul(norm(x.ref, p[`${i}.ln1`]!), p[`${i}.qkv`]!);
      x = x.add(np.matmul(attend(qkv, width), p[`${i}.proj`]!));
      const hidden = nn.gelu(np.matmul(norm(x.ref, p[`${i}.ln2`]!), p[`${i}.fc`]!));
      x = x.add(np.matmul(hidden, p[`${i}.fc2`]!));
    }
    const logits = np.matmul(norm(x, p.lnf!), p.head!);
    const chosen = nn.oneHot(labels, logits.shape[1]!);
    return nn
      .logSoftmax(logits, -1)
      .mul(chosen)
      .sum()
      .mul(-1 / rows);
  };
}

function adamW(
  { parameters, means, squares }: State,
  grads: Arrays,
  meanScale: np.Array,
  squareScale: np.Array,
): State {
  const { learningRate, beta1, beta2, epsilon, weightDecay } = ADAMW;
  const next: State = { parameters: {}, means: {}, squares: {} };
  for (const [name, grad] of Object.entries(grads)) {
    const mean = means[name]!.mul(beta1).add(grad.ref.mul(1 - beta1));
    const square = squares[name]!.mul(beta2).add(np.square(grad).mul(1 - beta2));
    const direction = mean.ref.mul(meanScale.ref).div(np.sqrt(square.ref.mul(squareScale.ref)).add(epsilon));
    const kept = parameters[name]!.mul(1 - learningRate * weightDecay);
    next.parameters[name] = kept.sub(direction.mul(learningRate));
    next.means[name] = mean;
    next.squares[name] = square;
  }
  for (const scale of [meanScale, squareScale]) scale.dispose();
  return next;
}
