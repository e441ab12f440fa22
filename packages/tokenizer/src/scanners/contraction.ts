/**
 * Length in bytes of an English ending at an apostrophe: `'s|'t|'re|'ve|'m|'ll|'d`, or 0.
 *
 * `ignoreCase` is `(?i:...)`, under which Oniguruma takes U+017F (a long s) for an s as well.
 */
export function contractionLength(bytes: Uint8Array, at: number, to: number, ignoreCase: boolean): number {
  if (at + 1 >= to || bytes[at] !== APOSTROPHE) return 0;
  const fold = ignoreCase ? CASE_BIT : 0;
  const first = bytes[at + 1]! | fold;
  if (first === S || first === T || first === M || first === D) return 2;
  if (at + 2 >= to) return 0;
  if (ignoreCase && bytes[at + 1] === LONG_S_LEAD && bytes[at + 2] === LONG_S_TRAIL) return 3;
  const second = bytes[at + 2]! | fold;
  const isPair = ((first === R || first === V) && second === E) || (first === L && second === L);
  return isPair ? 3 : 0;
}

const [APOSTROPHE, CASE_BIT, LONG_S_LEAD, LONG_S_TRAIL] = [0x27, 0x20, 0xc5, 0xbf];
const [D, E, L, M, R, S, T, V] = [0x64, 0x65, 0x6c, 0x6d, 0x72, 0x73, 0x74, 0x76];
