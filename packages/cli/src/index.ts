export { type BuildFile, checkBuildFile, readBuildFile, type TokenizerToTrain } from "./build-file.ts";
export { type BorderTokens, createCorpusEncoder, deepseekTokens } from "./corpus-encoder.ts";
export { runCli } from "./run-cli.ts";
export type { Streams } from "./terminal.ts";
