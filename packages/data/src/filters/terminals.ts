/** Marks that end an English sentence, closing quotation marks included, straight and typeset. */
export const ENGLISH_TERMINALS = ".!?\"'”’";

/** The same for Chinese and Japanese beside them. */
export const CHINESE_TERMINALS: string = `${ENGLISH_TERMINALS}。！？．」』`;

/** The same for any language: Arabic, Urdu, Devanagari, Armenian, Ethiopic, Khmer, Myanmar and Tibetan beside them. */
export const ANY_TERMINALS: string = `${CHINESE_TERMINALS}؟۔।॥։።፧។៕။།»`;
