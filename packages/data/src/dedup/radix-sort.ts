/**
 * Sort records of `stride` 32-bit words by their first `keyWords` words, stably: least significant digit first, 16 bits a
 * digit. Cost: 2 x keyWords passes over the records; a digit that is equal in all records takes no pass.
 *
 * Accepts: `records` and `scratch` of `count * stride` words or more.
 * @returns whichever of the two arrays holds the sorted records.
 */
export function sortRecords(
  records: Uint32Array,
  scratch: Uint32Array,
  count: number,
  stride: number,
  keyWords: number,
): Uint32Array {
  const starts = new Uint32Array(0x10000);
  let from = records;
  let to = scratch;
  for (let digit = 2 * keyWords - 1; digit >= 0; digit--) {
    if (!countDigits(from, count, stride, digit, starts)) continue;
    scatter(from, to, count, stride, digit, starts);
    [from, to] = [to, from];
  }
  return from;
}

/** Fill `starts` with the place of the first record of each digit; false when all records have the same one. */
function countDigits(records: Uint32Array, count: number, stride: number, digit: number, starts: Uint32Array): boolean {
  const word = digit >> 1;
  const shift = digit % 2 === 0 ? 16 : 0;
  starts.fill(0);
  for (let i = word; i < count * stride; i += stride) starts[(records[i]! >>> shift) & 0xffff]!++;
  let sum = 0;
  for (let value = 0; value < 0x10000; value++) {
    const here = starts[value]!;
    if (here === count) return false;
    starts[value] = sum;
    sum += here;
  }
  return true;
}

function scatter(
  from: Uint32Array,
  to: Uint32Array,
  count: number,
  stride: number,
  digit: number,
  starts: Uint32Array,
): void {
  const word = digit >> 1;
  const shift = digit % 2 === 0 ? 16 : 0;
  for (let record = 0; record < count * stride; record += stride) {
    let at = starts[(from[record + word]! >>> shift) & 0xffff]!++ * stride;
    for (let i = 0; i < stride; i++) to[at++] = from[record + i]!;
  }
}
