import { charOfByte } from "../byte-alphabet.ts";
import { hasCodePoint } from "../unicode/code-point-ranges.ts";
import { codePointsOf } from "../unicode/code-points-of.ts";

/** ByteLevel's character for a space. */
const SPACE = charOfByte(0x20);

/**
 * Move the range of each token past its leading white space and before its trailing one, as HF's ByteLevel and Roberta
 * do; `offsets` is changed in place.
 *
 * With `addPrefixSpace` one leading space of a token that begins the text is the one that was added: no range to leave.
 */
export function trimOffsets(offsets: Int32Array, spell: (i: number) => string, addPrefixSpace: boolean): void {
  for (let i = 0; i < offsets.length / 2; i++) {
    const token = spell(i);
    const trailing = countSpaces(token, token.length - 1, -1);
    let leading = countSpaces(token, 0, 1);
    const [start, end] = [offsets[2 * i]!, offsets[2 * i + 1]!];
    if (leading === 1 && addPrefixSpace && (i === 0 || start === 0)) leading = 0;
    const from = leading > 0 ? Math.min(start + leading, end) : start;
    offsets[2 * i] = from;
    if (trailing > 0 && end >= trailing) offsets[2 * i + 1] = Math.max(end - trailing, from);
  }
}

function countSpaces(token: string, start: number, step: 1 | -1): number {
  const whiteSpace = codePointsOf("White_Space");
  let count = 0;
  for (let i = start; i >= 0 && i < token.length; i += step) {
    if (token[i] !== SPACE && !hasCodePoint(whiteSpace, token.charCodeAt(i))) break;
    count++;
  }
  return count;
}
