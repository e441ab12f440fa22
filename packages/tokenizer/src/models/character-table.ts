const BMP = 0x10000;

/** Ids of the tokens of one character each, by code point. */
export class CharacterTable {
  readonly #bmp: Int32Array = new Int32Array(BMP).fill(-1);
  readonly #beyond: Map<number, number> = new Map();

  /** @param prefix @param suffix what a token has around its character: it is left out without them */
  constructor(vocab: ReadonlyMap<string, number>, prefix: string, suffix: string) {
    for (const [token, id] of vocab) {
      if (token.length > prefix.length + suffix.length + 2) continue;
      if (!token.startsWith(prefix) || !token.endsWith(suffix)) continue;
      const character = token.slice(prefix.length, Math.max(prefix.length, token.length - suffix.length));
      const code = character.codePointAt(0);
      if (code === undefined || prefix + String.fromCodePoint(code) + suffix !== token) continue;
      if (code < BMP) this.#bmp[code] = id;
      else this.#beyond.set(code, id);
    }
  }

  /** The id of a character's token, or -1. */
  idOf(code: number): number {
    return code < BMP ? this.#bmp[code]! : (this.#beyond.get(code) ?? -1);
  }

  /** All ids of the table. */
  ids(): number[] {
    return [...this.#bmp.filter((id) => id >= 0), ...this.#beyond.values()];
  }
}
