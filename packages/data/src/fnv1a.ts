/** FNV-1a's 32-bit prime: a step of the hash is `Math.imul(hash ^ unit, FNV_PRIME)`. */
export const FNV_PRIME = 0x01000193;
/** FNV-1a's 32-bit start. */
export const FNV_START = 0x811c9dc5;

/**
 * FNV-1a (Fowler, Noll, Vo) over the UTF-16 units `text[from .. to)`, signed, from any starting hash. Its low bits depend on
 * the last units alone: mix it before any are left out.
 */
export function fnv1a(text: string, hash: number = FNV_START, from = 0, to: number = text.length): number {
  let result = hash;
  for (let i = from; i < to; i++) result = Math.imul(result ^ text.charCodeAt(i), FNV_PRIME);
  return result;
}
