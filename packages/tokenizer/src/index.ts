export { DecodeStream } from "./decode-stream.ts";
export { parseTokenizer } from "./parse-tokenizer.ts";
export type { DecodeOptions, EncodeOptions, Tokenizer } from "./tokenizer.ts";
export { type TrainBpeOptions, type TrainProgress, trainBpe } from "./train-bpe.ts";
export { UnsupportedTokenizerError } from "./unsupported-tokenizer-error.ts";
