/** A text on its way through normalizers and pre-tokenizers. All positions are UTF-16 units of well-formed strings. */
export interface AlignedText {
  readonly text: string;
  /** Where its units come from; absent when nobody asked for offsets, which costs nothing then. */
  readonly origin?: Origin | undefined;
  /** True when it begins where the whole input begins: Metaspace's `prepend_scheme: "first"` asks for it. */
  readonly atStart: boolean;
}

/** By unit of the text: the range of the input that it comes from. Both units of a surrogate pair have the same range. */
export interface Origin {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}
