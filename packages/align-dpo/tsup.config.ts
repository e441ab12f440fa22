import { defineConfig } from "tsup";

export default defineConfig({
  entry: ["src/index.ts", "src/reference.ts"],
  format: "esm",
  target: "node20",
  platform: "node",
  sourcemap: true,
  removeNodeProtocol: false,
});
