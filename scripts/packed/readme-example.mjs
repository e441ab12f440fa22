import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { transform } from "esbuild";

/**
 * The first ```ts or ```js block of a README as a module that Node 20 runs: types and `using` are lowered,
 * everything else is left as it stands.
 */
export async function readmeExample(folder) {
  const path = join(folder, "README.md");
  const block = /^```(?:ts|typescript|js|javascript|mjs)\n(.*?)^```/ms.exec(await readFile(path, "utf8"));
  if (block === null) throw new Error(`${path} has no \`\`\`ts or \`\`\`js example.`);
  const { code } = await transform(block[1], { loader: "ts", format: "esm", target: "node20" });
  return code;
}
