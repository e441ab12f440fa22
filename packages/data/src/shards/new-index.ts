import { ConfigError, OutOfRangeError } from "@ds3/errors";
import { requireOptions } from "../require-options.ts";
import type { ShardWriterOptions } from "./create-shard-writer.ts";
import type { ShardIndex } from "./shard-index.ts";

const OP = "createShardWriter";

/** The index of a set without documents. @throws ConfigError, OutOfRangeError naming the option that is none. */
export function newIndex(options: ShardWriterOptions): ShardIndex {
  requireOptions(OP, options, { vocabSize: "any", shardTokens: "any", resume: "boolean", settings: "any" });
  const { vocabSize, shardTokens = 2 ** 23 } = options;
  const settings = plainJson("settings", options.settings ?? null);
  const bounds = { vocabSize: [vocabSize, 2 ** 31], shardTokens: [shardTokens, 2 ** 29] } as const;
  for (const [name, [value, most]] of Object.entries(bounds)) {
    if (Number.isInteger(value) && value >= 1 && value <= most) continue;
    const details = { operand: name, expected: `an integer in [1, ${most}]`, actual: `${value}` };
    throw new OutOfRangeError({ op: "ShardWriter", ...details });
  }
  const dtype = vocabSize <= 2 ** 16 ? "uint16" : "uint32";
  const empty = { complete: false, tokens: 0, documents: 0, corpora: [], shards: [], cursor: null };
  return { format: "ds3-shards", version: 1, dtype, vocabSize, shardTokens, ...empty, settings };
}

/** What reading the index will give. @throws ConfigError for what JSON cannot hold. */
export function plainJson(operand: string, value: unknown): unknown {
  let [text, actual]: [string | undefined, string] = [undefined, `a ${typeof value}`];
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    actual = (cause as Error).message.split("\n")[0]!;
  }
  if (text !== undefined) return JSON.parse(text);
  throw new ConfigError({
    op: OP,
    operand,
    expected: "plain JSON",
    actual,
    hint: "Give numbers, texts, lists, objects.",
  });
}
