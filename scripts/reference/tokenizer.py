"""Reference values for @ds3/tokenizer, computed by Hugging Face tokenizers (0.23).

Writes packages/tokenizer/fixtures: a small corpus made here, tokenizers trained on it as one sequence, and encode and
decode cases with their ids and texts. Needs Python with `tokenizers`; the project's own tests only read the files.

    python scripts/reference/tokenizer.py
"""

import random
from pathlib import Path

from compact import write_json
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

FOLDER = Path(__file__).resolve().parents[2] / "packages" / "tokenizer" / "fixtures"
SPECIALS = ["<s>", "</s>", "<｜User｜>"]
HAN = "一二三四五六七八九十天地人山水火木金土日月春夏秋冬东南西北大小多少上下左右学习语言模型训练数据"
WORDS = "the of and model data token layer expert router train loss rate step batch value score read write small large".split()
V3_SPLITS = [
    r"\p{N}{1,3}",
    "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
    "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
]
PIECES = [
    "a", " ", "  ", "\t", "\n", "\r\n", "\u0085", "\ufeff", "\u00a0", "\u3000", "\u2028", "0", "1234567", "Ⅻ", "½", "don't",
    "'LL", "_x", "<s>", "</s>", "<s", "<｜User｜>", "｜", "中", "中文字", "々", "ひらカナ", "한글", "é", "e\u0301", "Ωμέγα", "שלום",
    "हिन्दी", "🙂", "👩‍👩‍👧", "\x00", "\x07", "€", "+=", "...", "—", "{}", "()", "//", "x" * 40, "-" * 70, "aaaaaa", "𝒳", "\U00020000",
]


def make_corpus(rng):
    lines = []
    for number in range(88):
        words = " ".join(rng.choice(WORDS) for _ in range(rng.randint(3, 10)))
        han = "".join(rng.choice(HAN) for _ in range(rng.randint(2, 12)))
        kind = number % 5
        if kind == 0:
            lines.append(f"{words.capitalize()}, {rng.randint(0, 99999)} {words}.")
        elif kind == 1:
            lines.append(f"{han}，{han[:4]}。{rng.randint(0, 9)}")
        elif kind == 2:
            lines.append(f"  if ({words.split()[0]}_{number % 7} == {number}) {{ return \"{words}\"; }}")
        elif kind == 3:
            # What patterns cut differs here from what merges would join.
            lines.append((f"I'm {words.split()[0]} we'LL 12345678 らカ々 " * 3)[:-1])
        else:
            lines.append(f"# {words} {han} {'-' * (number % 23)} {'ha' * (number % 9)}")
    return "\n".join(lines)


def pre_tokenizer(name):
    if name == "gpt2":
        return pre_tokenizers.ByteLevel(add_prefix_space=False)
    splits = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in V3_SPLITS]
    return pre_tokenizers.Sequence([*splits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def train(name, vocab_size, corpus):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer(name)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[AddedToken(token, normalized=False, special=True) for token in SPECIALS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([corpus], trainer)
    return tokenizer


def encode_case(tokenizer, text):
    """Decoded texts are stated only where they are not the text itself."""
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    texts = decode_texts(tokenizer, ids).items()
    return {"text": text, "ids": ids, **{key: decoded for key, decoded in texts if decoded != text}}


def decode_texts(tokenizer, ids):
    return {
        "decoded": tokenizer.decode(ids, skip_special_tokens=False),
        "decoded_skip_special": tokenizer.decode(ids, skip_special_tokens=True),
    }


def make_cases(tokenizer, corpus, rng):
    """Every piece once, a few in each text, and texts of pieces that meet by chance."""
    pieces = rng.sample(PIECES, len(PIECES))
    lines = corpus.split("\n")
    texts = ["", *rng.sample(lines, 4)]
    texts += ["".join(rng.choice(PIECES) for _ in range(rng.randint(2, 8))) for _ in range(14)]
    texts += ["".join(pieces[at : at + 3]) for at in range(0, len(pieces), 3)]
    size = tokenizer.get_vocab_size()
    id_lists = [[rng.randrange(size) for _ in range(rng.randint(1, 20))] for _ in range(12)]
    return {
        "encode": [encode_case(tokenizer, text) for text in texts],
        "decode": [{"ids": ids, **decode_texts(tokenizer, ids)} for ids in id_lists],
    }


def with_plain_added_tokens(tokenizer):
    """Added tokens beyond the vocabulary, normalized or not, overlapping, so that their order of search shows."""
    tokenizer.add_tokens([AddedToken("ab", normalized=True), AddedToken("abc", normalized=True)])
    tokenizer.add_tokens([AddedToken("bcd", normalized=False), AddedToken("  ", normalized=True)])
    return tokenizer


def write(name, tokenizer, preset, corpus):
    rng = random.Random(name)
    cases = make_cases(tokenizer, corpus, rng)
    if preset is None:
        # What holds of the model stands in the cases of gpt2.
        cases["encode"] = cases["encode"][:12]
        cases["encode"] += [encode_case(tokenizer, text) for text in ["abcd", "xabcd ab  c", "abcab", "bcdab   d", "a<s>bcd"]]
    train_options = None if preset is None else {"pre_tokenizer": preset, "vocab_size": tokenizer.get_vocab_size()}
    head = {"topic": "tokenizer", "special_tokens": SPECIALS, "train": train_options}
    tokenizer.save(str(FOLDER / f"{name}.tokenizer.json"))
    write_json(FOLDER / f"{name}.cases.json", {**head, **cases}, 2)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    corpus = make_corpus(random.Random(20))
    (FOLDER / "corpus.txt").write_text(corpus, encoding="utf-8", newline="")
    write("gpt2", train("gpt2", 325, corpus), "gpt2", corpus)
    write("deepseek-v3", train("deepseek-v3", 350, corpus), "deepseek-v3", corpus)
    write("added-tokens", with_plain_added_tokens(train("gpt2", 270, corpus)), None, corpus)


if __name__ == "__main__":
    main()
