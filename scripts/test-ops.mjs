// Runs the tests of the packages with kernels once more in each configuration that the machine's own adapter does not show:
//   pnpm test:ops [NAME ...]        names below; default: all
// `pnpm test` has run them on the adapter as it is (subgroups of 8 on the software adapter with AVX2).
import { spawn } from "node:child_process";
import { join } from "node:path";

/** Tests that cover every kind of adapter on any one, or what no adapter changes. */
const everywhere = ["kernels.test.ts", "tune-kernels.test.ts"];
/** Tests of every variant for devices with and without subgroups: other subgroups are all that they lack. */
const allTargets = [
  ...["matmul-variants.test.ts", "flash-attention-kernels.test.ts"],
  ...["quantize-special.test.ts", "matmul-grouped.test.ts", "ue8m0.test.ts"],
];

const configurations = {
  /** LP_NATIVE_VECTOR_WIDTH belongs to the software driver; other adapters ignore it. */
  "subgroups-4": { env: { LP_NATIVE_VECTOR_WIDTH: "128" }, excluded: everywhere },
  "subgroups-off": { env: { DS3_SUBGROUPS: "off" }, excluded: [...everywhere, ...allTargets] },
  "default-limits": { env: { DS3_LIMITS: "default" }, excluded: [...everywhere, ...allTargets] },
};

/** The packages that have kernels of their own; their tests of whole training runs lie elsewhere. */
const packages = ["tensor", "fp8", "mla", "moe", "align-dpo", "align-grpo"];

const root = join(import.meta.dirname, "..");
const chosen = process.argv.slice(2).filter((name) => name !== "--");
const unknown = chosen.find((name) => !(name in configurations));
if (unknown !== undefined) {
  console.error(`test:ops: no configuration "${unknown}". Known: ${Object.keys(configurations).join(", ")}.`);
  process.exit(2);
}

const { childEnvironment } = await import("../packages/software-gpu/src/index.ts");
const gpu = await childEnvironment({ fetch: true, onMessage: console.log });
for (const [name, { env, excluded }] of Object.entries(configurations)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  for (const folder of packages) {
    console.log(`\n@ds3/${folder} with ${name}`);
    const code = await vitest(folder, excluded, { ...process.env, ...gpu, ...env });
    if (code !== 0) process.exit(code);
  }
}

function vitest(folder, excluded, env) {
  const bin = join(root, "node_modules", "vitest", "vitest.mjs");
  const cwd = join(root, "packages", folder);
  return new Promise((resolve, reject) => {
    const without = excluded.flatMap((file) => ["--exclude", `**/${file}`]);
    const child = spawn(process.execPath, [bin, "run", "src/", ...without], { cwd, env, stdio: "inherit" });
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}
