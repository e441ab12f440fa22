import type { JsonObject } from "../json-reader.ts";
import type { Model } from "../model.ts";

/** The models of tokenizer.json. */
export type ModelType = "BPE" | "WordPiece" | "WordLevel" | "Unigram";

/** A model that was read: what encodes, its vocabulary, and its way back into a file. */
export interface ModelPart {
  readonly type: ModelType;
  readonly model: Model;
  /** Ids of the tokens, in the order of the ids. */
  readonly vocab: ReadonlyMap<string, number>;
  /** The fields beside vocabulary and merges, as HF writes them. */
  readonly settings: JsonObject;
  /** The model's section of tokenizer.json as HF writes it, indented by two spaces a level from column 0. */
  write(): string;
}

/** What a model has to know beside its section of the file. */
export interface ParseModelOptions {
  /** The pre-tokenizer ends in ByteLevel and leaves it to the model to map bytes to their stand-ins. */
  readonly byteLevel: boolean;
  /** Numbers in [0, 1) for BPE dropout; a model with dropout is refused without them. */
  readonly random?: (() => number) | undefined;
}
