/*
 * The tiny GPT's training step in TensorFlow.js.
 *
 * What was done for its speed: one `tf.tidy` a step; gradients by `variableGrads`; the library's Adam with the decay
 * applied before it (which is AdamW); its fused softmax cross-entropy; a causal mask that is made once; GELU's tanh as one
 * sigmoid (0.5 (1 + tanh u) = sigmoid 2u); no reading back inside a window but the last loss; products whose gradient
 * transposes by `tf.transpose` (the library's own asks its kernels to transpose: the step then takes 3 times as long on
 * wasm and 1.1 times on WebGPU). The embedding is a lookup on WebGPU; the wasm backend has no kernel for the lookup's
 * gradient, so there it is a product with one-hot rows. One-hot rows are cast from integers: as floats the wasm backend
 * writes wrong bits.
 */
import * as tf from "@tensorflow/tfjs-core";
import { readBatch } from "../gpt.ts";
import type { Training } from "./contender.ts";
import { ADAMW, countLayers, GPT, readWeights } from "./gpt-weights.ts";

type Variables = ReadonlyMap<string, tf.Variable>;

/** Hides a score from the softmax. */
const MASKED = -1e9;

/** The run at its first step. `hasLookupGradient`: whether the backend can differentiate `tf.gather`. */
export function createTfjsGpt(folder: string, hasLookupGradient: boolean): Training {
  const weights = readWeights(folder);
  const { inputs, targets, batch, length } = readBatch(folder);
  const variables: Variables = new Map(
    weights.map(({ name, shape, values }) => [name, tf.variable(tf.tensor(values, shape), true, name)]),
  );
  const [ids, labels] = [tf.tensor1d(inputs, "int32"), tf.tensor1d(targets, "int32")];
  const mask = causalMask(length);
  const embed = (table: tf.Tensor): tf.Tensor =>
    hasLookupGradient ? tf.gather(table, ids) : matMul(oneHot(ids, table.shape[0]!), table);
  const forward = { variables, embed, labels, mask, batch, length, layers: countLayers(weights) };
  const { learningRate, beta1, beta2, epsilon, weightDecay } = ADAMW;
  const adam = tf.train.adam(learningRate, beta1, beta2, epsilon);
  const advance = (): tf.Scalar =>
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(() => lossOf(forward));
      for (const variable of variables.values()) variable.assign(tf.mul(variable, 1 - learningRate * weightDecay));
      adam.applyGradients(Object.entries(grads).map(([name, tensor]) => ({ name, tensor })));
      return value;
    });
  const read = async (loss: tf.Scalar): Promise<number> => {
    const [value] = await loss.data();
    loss.dispose();
    return value!;
  };
  return {
    tokensPerStep: batch * length,
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

interface Forward {
  readonly variables: Variables;
  readonly embed: (table: tf.Tensor) => tf.Tensor;
  readonly labels: tf.Tensor1D;
  /** 0 where a position sees another, far below where not [T, T]. */
  readonly mask: tf.Tensor2D;
  readonly batch: number;
  readonly length: number;
  readonly layers: number;
}

function lossOf({ variables, embed, labels, mask, batch, length, layers }: Forward): tf.Scalar {
  const w = (name: string): tf.Variable => variables.get(name)!;
  const embedded = embed(w("wte"));
  const width = embedded.shape[1]!;
  const rows = batch * length;
  const headDim = width / GPT.heads;
  const heads = (x: tf.Tensor): tf.Tensor =>
    tf.transpose(tf.reshape(x, [batch, length, GPT.heads, headDim]), [0, 2, 1, 3]);
  const attend = (qkv: tf.Tensor): tf.Tensor => {
    const [q, k, v] = tf.split(qkv, 3, 1).map(heads) as [tf.Tensor, tf.Tensor, tf.Tensor];
    const scores = tf.softmax(tf.add(tf.mul(matMul(q, transposed(k)), headDim ** -0.5), mask));
    return tf.reshape(tf.transpose(matMul(scores, v), [0, 2, 1, 3]), [rows, width]);
  };
  let x: tf.Tensor = tf.reshape(tf.add(tf.reshape(embedded, [batch, length, width]), w("wpe")), [rows, width]);
  for (let i = 0; i < layers; i++) {
    const qkv = matMul(norm(x, w(`${i}.ln1`)), w(`${i}.qkv`));
    x = tf.add(x, matMul(attend(qkv), w(`${i}.proj`)));
    x = tf.add(x, matMul(gelu(matMul(norm(x, w(`${i}.ln2`)), w(`${i}.fc`))), w(`${i}.fc2`)));
  }
  const logits = matMul(norm(x, w("lnf")), w("head"));
  return tf.losses.softmaxCrossEntropy(oneHot(labels, logits.shape[1]!), logits);
}

/** The product of [.., m, k] and [.., k, n]. Its gradient transposes by `tf.transpose`, which is the faster way. */
function matMul(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  const product = tf.customGrad((x, y, save) => {
    const [left, right] = [x as tf.Tensor, y as tf.Tensor];
    (save as tf.GradSaveFunc)([left, right]);
    return {
      value: tf.matMul(left, right),
      gradFunc: (grad: tf.Tensor, saved: tf.Tensor[]) => [
        tf.matMul(grad, transposed(saved[1]!)),
        tf.matMul(transposed(saved[0]!), grad),
      ],
    };
  });
  return product(a, b);
}

function transposed(x: tf.Tensor): tf.Tensor {
  const axes = x.shape.map((_, axis) => axis);
  return tf.transpose(x, [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!]);
}

function norm(x: tf.Tensor, gain: tf.Tensor): tf.Tensor {
  const { mean, variance } = tf.moments(x, -1, true);
  return tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, GPT.epsilon))), gain);
}

/** x sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3)). */
function gelu(x: tf.Tensor): tf.Tensor {
  const inner = tf.mul(tf.mul(x, 2 * Math.sqrt(2 / Math.PI)), tf.add(tf.mul(tf.square(x), 0.044715), 1));
  return tf.mul(x, tf.sigmoid(inner));
}

function oneHot(ids: tf.Tensor1D, depth: number): tf.Tensor2D {
  return tf.cast(tf.oneHot(ids, depth), "float32") as tf.Tensor2D;
}

function causalMask(length: number): tf.Tensor2D {
  const sees = (i: number): boolean => i % length <= Math.floor(i / length);
  return tf.tensor2d(
    Float32Array.from({ length: length * length }, (_, i) => (sees(i) ? 0 : MASKED)),
    [length, length],
  );
}
