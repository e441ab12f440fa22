import { peersFolder } from "../gpt.ts";
import type { PeerCase } from "./cases.ts";
import type { Contender } from "./contender.ts";
import type { Measurement } from "./messages.ts";
import { measureWindows, PRODUCT_RULE, TRAINING_RULE, type WindowResult } from "./windows.ts";

/** Training steps before the clock starts: their losses are compared, and kernels are compiled in them. */
const FIRST_LOSSES = 4;
/** Values of a product's first row that are compared. */
const COMPARED = 8;

/** Measures one case of an opened library. */
export async function measureCase(contender: Contender, peerCase: PeerCase): Promise<Measurement> {
  return peerCase.kind === "gpt"
    ? await measureGpt(contender, peerCase.name)
    : await measureProduct(contender, peerCase);
}

async function measureProduct(
  contender: Contender,
  { name, layout, size }: PeerCase & { readonly kind: "matmul" },
): Promise<Measurement> {
  const products = await contender.matmul(layout, size);
  const results = Array.from(await products.firstRow()).slice(0, COMPARED);
  await products.run(2);
  const result = await measureWindows((count) => products.run(count), PRODUCT_RULE, contender.choosesPace);
  products.dispose();
  const value = (2 * size ** 3 * result.calls) / result.seconds / 1e9;
  return { ...common(contender, result), name, value, unit: "GFLOP/s", results };
}

async function measureGpt(contender: Contender, name: string): Promise<Measurement> {
  const folder = peersFolder();
  if (folder === undefined) throw new Error("no peers' weights");
  const training = await contender.gpt(folder);
  const results = await training.losses(FIRST_LOSSES);
  const result = await measureWindows((count) => training.run(count), TRAINING_RULE, contender.choosesPace);
  const value = (training.tokensPerStep * result.calls) / result.seconds;
  return { ...common(contender, result), name, value, unit: "tokens/s", results };
}

function common({ adapter, note }: Contender, { calls, seconds, pace, paceGain }: WindowResult) {
  return {
    type: "measurement" as const,
    adapter,
    note: paceGain === undefined ? note : `${note}, ${pace} wait (${paceGain.toFixed(2)}x the other)`,
    calls,
    seconds,
  };
}
