/** Small tokenizers of every kind but DeepSeek's, each a whole tokenizer.json, to see what repeated characters cost them. */

/** Names of the pipelines, in order. */
export const WORST_PIPELINES = ["characters", "wordPiece", "unigram"] as const;
export type WorstPipeline = (typeof WORST_PIPELINES)[number];

const common = { version: "1.0", added_tokens: [], normalizer: null, pre_tokenizer: null };
const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true };
/** Runs of what is repeated are tokens, so that there is something to put together. */
const pieces = ["a", "啊", "▁", "é", "e"].flatMap((one) => [1, 2, 4, 8].map((count) => one.repeat(count)));

/** The tokenizer.json of a pipeline. */
export function worstPipeline(name: WorstPipeline): string {
  return JSON.stringify({ ...common, ...builders[name]() });
}

const builders: Readonly<Record<WorstPipeline, () => object>> = {
  characters: () => {
    const vocab = Object.fromEntries(["<unk>", ...pieces].map((piece, id) => [piece, id]));
    const merges = pieces.filter((piece) => [...piece].length > 1).map((piece) => halves(piece));
    // Split off, a space would be a word of its own.
    const pre_tokenizer = { ...metaspace, split: false };
    return { pre_tokenizer, model: { type: "BPE", unk_token: "<unk>", fuse_unk: true, vocab, merges } };
  },
  wordPiece: () => {
    const tokens = ["[UNK]", ...pieces, ...pieces.map((piece) => `##${piece}`)];
    const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
    const normalizer = { type: "BertNormalizer", clean_text: true, handle_chinese_chars: true, lowercase: true };
    const settings = { unk_token: "[UNK]", continuing_subword_prefix: "##", max_input_chars_per_word: 10_000_000 };
    return {
      normalizer,
      pre_tokenizer: { type: "BertPreTokenizer" },
      model: { type: "WordPiece", ...settings, vocab },
    };
  },
  unigram: () => {
    const vocab = ["<unk>", ...pieces].map((piece, i) => [piece, -1 - i / 8]);
    const normalizer = { type: "Precompiled", precompiled_charsmap: mapOfOneKey() };
    return { normalizer, pre_tokenizer: metaspace, model: { type: "Unigram", unk_id: 0, vocab, byte_fallback: false } };
  },
};

function halves(piece: string): readonly [string, string] {
  const half = piece.slice(piece.length / 2);
  return [half, half];
}

/** SentencePiece's compiled map, a double array, of the one key é (bytes C3 A9), which becomes e. */
function mapOfOneKey(): string {
  const units = new Uint32Array(2048);
  const follow = (node: number, base: number): number => (node ^ base) << 10;
  units[0] = 256 << 10;
  const [first, second] = [256 ^ 0xc3, 512 ^ 0xa9];
  units[first] = 0xc3 | follow(first, 512);
  units[second] = 0xa9 | 0x100 | follow(second, 1024);
  units[1024] = 0x80000000;
  const size = Uint32Array.of(units.byteLength);
  return Buffer.concat([Buffer.from(size.buffer), Buffer.from(units.buffer), Buffer.from("e\0")]).toString("base64");
}
