import type { DedupOptions } from "../dedup/dedup-options.ts";
import type { C4Settings } from "../filters/c4.ts";
import type { FinewebSettings } from "../filters/fineweb.ts";
import type { GopherQualitySettings } from "../filters/gopher-quality.ts";
import type { GopherRepetitionSettings } from "../filters/gopher-repetition.ts";
import type { SettingsByLanguage } from "../filters/language-settings.ts";
import type { LanguageOptions } from "../language.ts";
import type { NormalizeOptions } from "../normalize-text.ts";
import type { DocumentFormat } from "../read-documents.ts";

/** A named set of files. */
export interface BuildSource {
  /** Its name in reports, and its documents' `corpus`; unique in a build. */
  readonly name: string;
  /** Files, folders or patterns such as `data/*.jsonl.gz`. */
  readonly paths: string | readonly string[];
  /** Default: by each file's extension. */
  readonly format?: DocumentFormat;
  /** The key of JSON Lines objects or the column that holds the text. Default "text". */
  readonly textKey?: string;
  /** Cut text files at each occurrence. Default: a file is one document. */
  readonly separator?: string;
  /** Any label that TextDecoder knows. Default "utf-8". */
  readonly encoding?: string;
  /** Whether CSV and TSV fields may stand in quotes. Default true. */
  readonly quotes?: boolean;
  /** Bytes of the longest record of JSON Lines or CSV; a longer one is kept aside or stops the build. Default 2^26. */
  readonly maxRecordBytes?: number;
  /** The language of all its documents, such as "en", "zh" or "code". Default: identified. */
  readonly language?: string;
  /**
   * How often its documents come, on average: 2 takes each twice, .5 every second one by chance. Default 1. Not beside
   * `mix`.
   */
  readonly repeat?: number;
  /** How much its tokens count in the loss. Default 1. */
  readonly lossWeight?: number;
}

/** True for a filter with its own settings, false for none, or settings by language over its own. */
export type FilterChoice<S> = boolean | SettingsByLanguage<S>;

/** Which quality filters documents pass, in this order. */
export interface BuildFilters {
  /** Default true. */
  readonly gopherRepetition?: FilterChoice<GopherRepetitionSettings>;
  /** Default true. */
  readonly gopherQuality?: FilterChoice<GopherQualitySettings>;
  /** For pages of the web. Default false. */
  readonly c4?: FilterChoice<C4Settings>;
  /** For pages of the web. Default false. */
  readonly fineweb?: FilterChoice<FinewebSettings>;
}

/** How duplicates are removed, one after the other; of each cluster the first document stays. */
export interface BuildDedup {
  /** Equal texts. Default true. */
  readonly exact?: boolean | Omit<DedupOptions, "mode">;
  /** Near-duplicates. Default true. */
  readonly minHash?: boolean | Omit<DedupOptions, "mode">;
  /** Bytes for sorting and buffers. Default 2^28. */
  readonly memoryLimit?: number;
}

/** What share of the bytes each source has, see `mixSources`; or how much of an old one comes among a new one. */
export interface BuildMix {
  /** Weights by source name, of any sum; each source is named. */
  readonly weights?: Readonly<Record<string, number>>;
  /** A share goes with (bytes of the source)^(1 / temperature): 1 keeps the shares, more evens them out. */
  readonly temperature?: number;
  /** UTF-8 bytes of the whole mix. Default: the least in which each source is whole. */
  readonly total?: number;
  /** The most often that a document comes. Default 4. */
  readonly maxEpochs?: number;
  /** Of two sources the old one, and its share of the mix; see `replayMix`. Not beside weights, temperature or total. */
  readonly replay?: { readonly source: string; readonly ratio: number };
}

/** What `buildCorpus` makes, as plain JSON. */
export interface BuildConfig {
  /** The folder of the shards and of report.json; made if it is missing. What a build makes in it is never read as a source. */
  readonly out: string;
  /**
   * The folder of intermediate results: empty, or one that the same build has begun; neither `out` nor a folder around it
   * or around a source. What the build made in it is removed when all is done. Default: `out` with ".work".
   */
  readonly work?: string;
  readonly sources: readonly BuildSource[];
  /** Seed of all that is drawn: mixing, FIM, splitting, samples. Default 0. */
  readonly seed?: number;
  /** What happens to a record that cannot be read: kept in rejects.jsonl (default), or an error that stops the build. */
  readonly badRecords?: "keep" | "stop";
  /** Default true. */
  readonly normalize?: boolean | NormalizeOptions;
  /** Default true. */
  readonly language?: boolean | LanguageOptions;
  readonly filters?: BuildFilters;
  readonly dedup?: BuildDedup;
  /** Default: every source as it is, times its `repeat`. */
  readonly mix?: BuildMix;
  /** Share of documents turned to fill-in-the-middle. Default .1, or 0 for an encoder without the tokens for it. */
  readonly fimRate?: number;
  /** Share of joined punctuation + newline tokens that are split. Default .1, or 0 for an encoder that has none. */
  readonly splitRate?: number;
  /** See `createShardWriter`. Default 2^23. */
  readonly shardTokens?: number;
  /** UTF-16 units of text after which intermediate results are made durable: at most so much is done again. Default 2^25. */
  readonly partUnits?: number;
  /** Samples kept of each reason and stage. Default 3. */
  readonly sampleCount?: number;
}

/** Text to ids: what a tokenizer is to a build. */
export interface CorpusEncoder {
  /** Tells encoders apart, such as a checksum: a build is not resumed with another. */
  readonly name: string;
  /** Ids are below it. */
  readonly vocabSize: number;
  /** The ids of a text, without anything around them. */
  encode(text: string): ArrayLike<number>;
  /** Put before and after each document. Default none. */
  readonly bosId?: number;
  readonly eosId?: number;
  /** The ids around the parts of a fill-in-the-middle document. See `createFim`. */
  readonly fim?: { readonly fimBegin: number; readonly fimHole: number; readonly fimEnd: number };
  /** Texts of added tokens: a document that contains one is never turned to fill-in-the-middle. */
  readonly addedTokens?: readonly string[];
  /** Bytes that an id stands for, undefined for one that stays whole: to split tokens. See `createTokenSplitter`. */
  readonly bytesOf?: (id: number) => Uint8Array | undefined;
}

/** How far a build is. */
export interface BuildProgress {
  /** `clean`: read, normalise and filter; then duplicates are searched for and taken out; then text becomes ids. */
  readonly stage: "clean" | "dedup.exact" | "dedup.minHash" | "keep" | "encode";
  /** Documents through this stage, and how many there will be, where that is known. */
  readonly documents: number;
  readonly total?: number;
  /** UTF-8 bytes of text through this stage, and how many there will be, where that is known. */
  readonly bytes: number;
  readonly totalBytes?: number;
}

/** What a build runs with beside its config. */
export interface BuildRun {
  readonly encoder: CorpusEncoder;
  /** Called about ten times a second. */
  readonly onProgress?: (progress: BuildProgress) => void;
  /** Stops the build between two documents; the same call goes on with it. */
  readonly signal?: AbortSignal;
  /** Leave the folder of intermediate results. Default false. */
  readonly keepWork?: boolean;
}
