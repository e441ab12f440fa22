/**
 * The packing of unicode-16-data.ts: numbers in base 32, lowest digit first, where a digit from 32 on says that more
 * follow. One in three code points would fit no smaller form that a few lines can read.
 */
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const valueOfCode = new Uint8Array(128);
for (let value = 0; value < 64; value++) valueOfCode[DIGITS.charCodeAt(value)] = value;

/** The numbers of a packed string. */
export function unpackNumbers(packed: string): number[] {
  const numbers: number[] = [];
  let value = 0;
  let shift = 0;
  for (let i = 0; i < packed.length; i++) {
    const digit = valueOfCode[packed.charCodeAt(i)]!;
    value |= (digit & 31) << shift;
    shift += 5;
    if (digit >= 32) continue;
    numbers.push(value);
    value = shift = 0;
  }
  return numbers;
}

/** Inclusive ranges [from, to, from, to ...] from packed differences of their bounds [from, to). */
export function unpackRanges(packed: string): number[] {
  let bound = 0;
  return unpackNumbers(packed).map((step, i) => {
    bound += step;
    return bound - (i & 1);
  });
}

/** Inclusive ranges of each class from packed runs of (class number, length), which start at code point 0. */
export function unpackPartition(packed: string, classCount: number): number[][] {
  const ranges = Array.from({ length: classCount }, (): number[] => []);
  const numbers = unpackNumbers(packed);
  let start = 0;
  for (let i = 0; i < numbers.length; i += 2) {
    const end = start + numbers[i + 1]!;
    ranges[numbers[i]!]?.push(start, end - 1);
    start = end;
  }
  return ranges;
}
