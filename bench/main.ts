import { openGpu } from "@ds3/tensor";
import { Command } from "commander";
import type { Figure } from "./src/figure.ts";
import { formatFigures } from "./src/format-figures.ts";
import { benchMatmul, MATMUL_CASES } from "./src/matmul.bench.ts";
import { benchDeepseekDecoding, benchDeepseekTraining, benchGpt, profileDeepseek } from "./src/train.bench.ts";

const command = new Command("bench")
  .description("Measures this adapter: medians, f32. Run it on a quiet machine.")
  .option("--json", "one line of JSON a figure")
  .option("--only <name>", "figures whose name contains this")
  .option("--steps <count>", "training steps in a window", Number, 10)
  .option("--profile", "instead of the figures: time per kernel of one DeepSeek mini step")
  .parse(process.argv.filter((argument) => argument !== "--"));
const {
  json,
  only = "",
  steps,
  profile,
} = command.opts<{
  json?: boolean;
  only?: string;
  steps: number;
  profile?: boolean;
}>();

const benches: { readonly names: readonly string[]; readonly run: () => Promise<readonly (Figure | undefined)[]> }[] = [
  { names: MATMUL_CASES.map(({ name }) => name), run: () => benchMatmul(gpu) },
  { names: ["gpt.tiny.train"], run: async () => [await benchGpt(gpu, steps)] },
  { names: ["deepseek.mini.train"], run: async () => [await benchDeepseekTraining(gpu, steps)] },
  { names: ["deepseek.mini.decode"], run: async () => [await benchDeepseekDecoding(gpu)] },
];

await using gpu = await openGpu();
const wanted = profile ? [] : benches.filter(({ names }) => names.some((name) => name.includes(only)));
if (wanted.length === 0 && !profile) {
  command.error(`no figure is called "${only}"; there are ${benches.flatMap(({ names }) => names).join(", ")}`);
}
if (!json) console.log(`${gpu.adapter.name}\n`);
if (profile) console.log(await profileDeepseek(gpu));
for (const { names, run } of wanted) {
  const figures = await run();
  for (const [i, figure] of figures.entries()) {
    if (!figure) console.error(`${names[i]}: skipped, no peers' weights (set DS3_PEERS)`);
    else if (figure.name.includes(only)) console.log(json ? JSON.stringify(figure) : formatFigures([figure]));
  }
}
