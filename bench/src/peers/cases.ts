import type { ContenderName, MatmulLayout } from "./contender.ts";
import { PeerError } from "./peer-error.ts";

/** A measurement that every contender makes. */
export type PeerCase =
  | { readonly kind: "matmul"; readonly name: string; readonly layout: MatmulLayout; readonly size: number }
  | { readonly kind: "gpt"; readonly name: "gpt.tiny.train" };

const LAYOUTS = ["nn", "nt", "tn"] as const;

/** Sizes of the products. */
export const MATMUL_SIZES: readonly number[] = [512, 1024];

/** Every case, products first. */
export const PEER_CASES: readonly PeerCase[] = [
  ...MATMUL_SIZES.flatMap((size) => LAYOUTS.map((layout) => caseNamed(`matmul.${layout}.${size}`))),
  caseNamed("gpt.tiny.train"),
];

/**
 * The case of a name: `gpt.tiny.train`, or `matmul.LAYOUT.SIZE` of any size.
 * @throws PeerError for another name.
 */
export function caseNamed(name: string): PeerCase {
  if (name === "gpt.tiny.train") return { kind: "gpt", name };
  const [, layout, size] = /^matmul\.(nn|nt|tn)\.(\d+)$/.exec(name) ?? [];
  if (layout !== undefined) return { kind: "matmul", name, layout: layout as MatmulLayout, size: Number(size) };
  const expected = "gpt.tiny.train or matmul.LAYOUT.SIZE";
  throw new PeerError({ op: "benchPeers", operand: "case", expected, actual: name });
}

/** Ours: what the others are divided into. */
export const OWN: ContenderName = { peer: "ds3", backend: "webgpu" };

/**
 * Whom ds3 is measured against. Node has no `Worker`, so jax-js computes on one thread there (`wasm`); with a stand-in
 * for it (web-worker.ts) it uses all cores (`wasm-threads`). Both are shown. TensorFlow.js keeps its threads off in Node.
 */
export const PEERS: readonly ContenderName[] = [
  { peer: "jax-js", backend: "webgpu" },
  { peer: "jax-js", backend: "wasm" },
  { peer: "jax-js", backend: "wasm-threads" },
  { peer: "tfjs", backend: "webgpu" },
  { peer: "tfjs", backend: "wasm" },
];
