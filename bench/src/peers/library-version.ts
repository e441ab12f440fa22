import { readFileSync } from "node:fs";

/** `jax-js 0.1.25`: a peer's name with the exact version that this package depends on. */
export function libraryVersion(peer: "jax-js" | "tfjs"): string {
  const path = new URL("../../package.json", import.meta.url);
  const { devDependencies } = JSON.parse(readFileSync(path, "utf8")) as { devDependencies: Record<string, string> };
  const name = peer === "jax-js" ? "@jax-js/jax" : "@tensorflow/tfjs-core";
  return `${peer} ${devDependencies[name]}`;
}
