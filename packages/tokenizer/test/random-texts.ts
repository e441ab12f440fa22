/** Random texts for property tests: every plane of Unicode, and what tokenizers stumble over. */

/** Numbers in [0, bound), the same for the same seed. */
export function randomBelow(seed: number): (bound: number) => number {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return (bound) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

const PHRASES = [
  "Hello, world!",
  "the low lower LOWEST newer",
  "def f(x):\n\treturn x_1 + 0x2F  # note\r\n",
  "  indented   text ",
  "don't I'LL we're",
  "天地玄黄，宇宙洪荒。",
  "ひらがなカタカナ々〆",
  "한국어 문장",
  "Ünïcödé e\u0301 ﬁ Ⅷ ﷺ",
  "привет ПРИВЕТ",
  "नमस्ते ไทย العربية",
  "😀👩‍👩‍👧‍👦🇩🇪",
  "12345 ٣٤٥ １２３ ½",
  "<s> </s> <|endoftext|> <mask>",
  "a\u0085b\u00a0c\u3000d\u2028e\ufeff",
  "ββ İi ǅ ſ",
  "\u0000\u0001\u001f\u007f",
  "▁▁ Ġ ##ing [CLS]",
  "--- ... ((x)) $5 “q” _foo",
];

/** A text of up to `parts` parts; `extra` are phrases of the tokenizer at hand. Well-formed. */
export function randomText(seed: number, extra: readonly string[] = [], parts = 8): string {
  const below = randomBelow(seed);
  const phrases = [...PHRASES, ...extra];
  const makers = [
    () => phrases[below(phrases.length)]!,
    () => [...phrases[below(phrases.length)]!].slice(0, 1 + below(4)).join(""),
    () => String.fromCodePoint(0x20 + below(0x5f)).repeat(1 + below(3)),
    () => String.fromCodePoint(0xa0 + below(0x500)),
    () => String.fromCodePoint(0x4e00 + below(0x4000)).repeat(1 + below(2)),
    () => String.fromCodePoint(0x1f300 + below(0x200)),
    () => " ".repeat(1 + below(4)),
    () => ["\n", "\r\n", "\t", "\n\n"][below(4)]!,
    () => "ab".repeat(below(40)),
  ];
  return Array.from({ length: below(parts + 1) }, () => makers[below(makers.length)]!()).join("");
}
