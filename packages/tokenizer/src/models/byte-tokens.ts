/**
 * Ids of the tokens `<0x00>` to `<0xFF>`, by which SentencePiece's vocabularies spell bytes of unknown characters; -1
 * for a byte without a token.
 */
export function idsOfByteTokens(vocab: ReadonlyMap<string, number>): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) => {
    const hex = byte.toString(16).toUpperCase().padStart(2, "0");
    return vocab.get(`<0x${hex}>`) ?? -1;
  });
}
