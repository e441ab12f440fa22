import { ConfigError } from "@ds3/errors";
import { type AddedToken, AddedTokenMatcher } from "./added-tokens.ts";
import type { Normalizer } from "./normalizers/normalizer.ts";
import { toWellFormed } from "./utf8.ts";

/**
 * A model's tokens and those added to them: ids to texts, texts to ids, and the search for added tokens.
 *
 * Follows HF's AddedVocabulary. An added token that is searched in normalized text is decoded as normalized, too, and
 * then no longer counts as special unless normalizing left it as it is: decoded texts would differ from HF's otherwise.
 */
export class Vocabulary {
  readonly #model: ReadonlyMap<string, number>;
  readonly #normalizer: Normalizer | undefined;
  #added: readonly AddedToken[] = [];
  readonly #idOfAdded = new Map<string, number>();
  readonly #spellings: (string | undefined)[] = [];
  readonly #decodedAs = new Map<number, string>();
  readonly #special = new Set<number>();
  readonly #specialContents = new Set<string>();
  #rawMatcher: AddedTokenMatcher | undefined;
  #normalizedMatcher: AddedTokenMatcher | undefined;

  constructor(model: ReadonlyMap<string, number>, added: readonly AddedToken[], normalizer: Normalizer | undefined) {
    this.#model = model;
    this.#normalizer = normalizer;
    for (const [token, id] of model) this.#spell(id, token);
    this.#include(added.map(wellFormed));
  }

  /** Added tokens by rising id. */
  get added(): readonly AddedToken[] {
    return this.#added;
  }

  /** One more than the highest id. */
  get size(): number {
    return this.#spellings.length;
  }

  /** Finds the added tokens that are searched in the raw text. */
  get rawMatcher(): AddedTokenMatcher | undefined {
    return this.#rawMatcher;
  }

  /** Finds the others in normalized text. */
  get normalizedMatcher(): AddedTokenMatcher | undefined {
    return this.#normalizedMatcher;
  }

  idOf(token: string): number | undefined {
    return this.#idOfAdded.get(token) ?? this.#model.get(token);
  }

  tokenOf(id: number): string | undefined {
    return this.#spellings[id];
  }

  /** The token that decoding starts from: for added tokens of normalized text their normalized form. */
  decodedAs(id: number): string | undefined {
    return this.#decodedAs.get(id) ?? this.#spellings[id];
  }

  /** True for an id that is left out of decoded text when special tokens are. */
  isSpecial(id: number): boolean {
    return this.#special.has(id);
  }

  /**
   * Add tokens; one that is in the vocabulary keeps its id, others take the next ids.
   * @returns how many were not there before with the same flags.
   * @throws ConfigError for an empty content.
   */
  add(tokens: readonly Omit<AddedToken, "id">[]): number {
    let next = this.size;
    const fresh = new Map<string, AddedToken>();
    const known = new Map(this.#added.map((token) => [token.content, token]));
    for (const token of tokens.map(wellFormed)) {
      if (token.content === "") throw emptyToken();
      const id = this.idOf(token.content) ?? fresh.get(token.content)?.id ?? next++;
      const before = known.get(token.content);
      if (before === undefined || !isSame(before, token)) fresh.set(token.content, { ...token, id });
    }
    this.#include([...fresh.values()]);
    return fresh.size;
  }

  #include(tokens: readonly AddedToken[]): void {
    const byId = new Map([...this.#added, ...tokens].map((token) => [token.id, token]));
    this.#added = [...byId.values()].sort((a, b) => a.id - b.id);
    for (const { id, content, special } of tokens) {
      this.#idOfAdded.set(content, id);
      this.#spell(id, content);
      if (special) this.#specialContents.add(content);
    }
    const normalized = this.#added.filter((token) => token.normalized).map((token) => this.#asNormalized(token));
    for (const { id, content } of normalized) this.#decodedAs.set(id, content);
    for (const { id } of this.#added) {
      if (this.#specialContents.has(this.decodedAs(id)!)) this.#special.add(id);
      else this.#special.delete(id);
    }
    this.#rawMatcher = matcherOf(this.#added.filter((token) => !token.normalized));
    this.#normalizedMatcher = matcherOf(normalized);
  }

  #asNormalized(token: AddedToken): AddedToken {
    if (this.#normalizer === undefined) return token;
    const content = this.#normalizer.normalize({ text: token.content, atStart: true }).text;
    return { ...token, content };
  }

  #spell(id: number, token: string): void {
    while (this.#spellings.length <= id) this.#spellings.push(undefined);
    this.#spellings[id] = token;
  }
}

/** Texts are searched with U+FFFD for a lone surrogate, so tokens are kept with it, too. */
function wellFormed<Token extends { readonly content: string }>(token: Token): Token {
  const content = toWellFormed(token.content);
  return content === token.content ? token : { ...token, content };
}

function matcherOf(tokens: readonly AddedToken[]): AddedTokenMatcher | undefined {
  return tokens.length === 0 ? undefined : new AddedTokenMatcher(tokens);
}

function isSame(a: Omit<AddedToken, "id">, b: Omit<AddedToken, "id">): boolean {
  const flags = ["special", "normalized", "lstrip", "rstrip", "singleWord"] as const;
  return flags.every((flag) => (a[flag] ?? false) === (b[flag] ?? false));
}

function emptyToken(): ConfigError {
  return new ConfigError({
    op: "addTokens",
    operand: "content",
    expected: "a text that is not empty",
    actual: '""',
  });
}
