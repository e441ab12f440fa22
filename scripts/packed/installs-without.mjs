import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** The layers of DeepSeek-V3 and the model made of them: who brings a model of their own never pays for these. */
const modelLayers = ["@ds3/mla", "@ds3/moe", "@ds3/mtp", "@ds3/deepseek"];

/** Packages that take a model as an interface. */
const modelIsGiven = ["@ds3/align-sft", "@ds3/align-dpo", "@ds3/align-grpo", "@ds3/trainer"];

/** What must not be installed with a package, at any depth. */
export function unwantedBy(name) {
  return modelIsGiven.includes(name) ? modelLayers : [];
}

/** Throws when npm has put one of the unwanted packages into a folder, however deep; gives the number of all it put there. */
export async function checkInstalledWithout(home, unwanted) {
  const lock = JSON.parse(await readFile(join(home, "node_modules", ".package-lock.json"), "utf8"));
  const installed = Object.keys(lock.packages);
  if (installed.length === 0) throw new Error("npm has installed nothing.");
  const found = installed.filter((path) => unwanted.some((name) => path.endsWith(`node_modules/${name}`)));
  if (found.length > 0) throw new Error(`installed with it: ${found.join(", ")}`);
  return installed.length;
}
