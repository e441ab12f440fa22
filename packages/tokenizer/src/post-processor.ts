/** What an encoding is put together from: tokens of a text, or tokens that stand in no text. */
export type TemplatePiece =
  | { readonly sequence: 0 | 1; readonly typeId: number }
  | { readonly ids: readonly number[]; readonly tokens: readonly string[]; readonly typeId: number };

/** The post-processor of a tokenizer.json. */
export interface PostProcessor {
  /**
   * The pieces of one text's encoding, or of a pair's, in order. Without special tokens only those with a `sequence`
   * remain; their type ids hold then too.
   */
  template(pair: boolean): readonly TemplatePiece[];
  /**
   * Leave white space out of the ranges of one text's tokens, in place, if the file asks for it.
   *
   * `offsets`: start and end by turns, in units where every white space is 1 (UTF-16 units or code points); `spell`: how
   * token i is spelled. Before the template is put around.
   */
  trimOffsets(offsets: Int32Array, spell: (i: number) => string): void;
}

/** The template of a file that has none: the texts one after the other, the second with type id 1. */
export function plainTemplate(pair: boolean): readonly TemplatePiece[] {
  return pair ? PAIR : SINGLE;
}

const SINGLE: readonly TemplatePiece[] = [{ sequence: 0, typeId: 0 }];
const PAIR: readonly TemplatePiece[] = [...SINGLE, { sequence: 1, typeId: 1 }];
