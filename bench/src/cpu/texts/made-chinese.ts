import { createRandom } from "@ds3/data";

/** UTF-16 units of a text. */
const LENGTH = 6000;
const MARKS = ["，", "，", "，", "、", "。", "。", "？", "；", "：", "。\n"];

/**
 * Chinese without sense, where no data set is there: words of several Han characters of a vocabulary, the one of rank r
 * drawn with a weight of about 1 / r, and a mark after some of them. `bytes` bytes of UTF-8 at least.
 */
export function makeChinese(vocabulary: Iterable<string>, bytes: number): string[] {
  const words = [...vocabulary].filter((token) => /^[\u4e00-\u9fff]+$/.test(token));
  const random = createRandom({ seed: 1 });
  const draw = (): string => words[Math.floor((words.length + 1) ** random.nextFloat()) - 1]!;
  const texts: string[] = [];
  for (let left = bytes; left > 0; ) {
    let text = "";
    while (text.length < LENGTH) text += draw() + (random.below(6) === 0 ? MARKS[random.below(MARKS.length)]! : "");
    texts.push(text);
    left -= Buffer.byteLength(text);
  }
  return texts;
}
