/** Ends of sentences: Latin marks before a space or the end, marks of scripts without spaces anywhere; quotes may follow. */
const SENTENCE_END = /(?:[.!?…]+["'”’»)\]]*(?=\s|$)|[。！？．؟۔।॥።។။]+["'”’」』）)]*)/g;

/**
 * How many sentences a line holds: those that end with a mark, and one more for what follows the last mark.
 *
 * By marks alone: an abbreviation before a space ("Mr. Smith") counts as an end, which a trained splitter would know.
 */
export function countSentences(line: string): number {
  let sentences = 0;
  let end = 0;
  for (const match of line.matchAll(SENTENCE_END)) {
    sentences++;
    end = match.index + match[0].length;
  }
  return line.slice(end).trim() === "" ? sentences : sentences + 1;
}
