import { defineConfig } from "tsup";

export default defineConfig({
  entry: {
    index: "src/index.ts",
    language: "src/language.ts",
    node: "src/node.ts",
    "loader-worker": "src/shards/loader-worker.ts",
  },
  format: "esm",
  target: "node20",
  platform: "neutral",
  sourcemap: true,
  removeNodeProtocol: false,
  external: [/^node:/],
});
