"""Reference values for the models and decoders of @ds3/tokenizer, computed by Hugging Face tokenizers (0.23).

Writes packages/tokenizer/fixtures/models.json: small models of each type and option with ids and offsets (in code
points, as compact.py shortens them) of some texts, each text one piece; decoders with what they make of some token lists; models as HF writes them.
Needs Python with `tokenizers`; the project's own tests only read the file.

    python scripts/reference/tokenizer_models.py
"""

import json
import random
from pathlib import Path

from compact import spans, write_json
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

FILE = Path(__file__).resolve().parents[2] / "packages" / "tokenizer" / "fixtures" / "models.json"
WORDS = "low lower lowest new newer newest wide wider widest show slow snow 天地 天下 地上 上下 🙂🙂 é".split()
COMMON = ["▁", "l", "o", "w", "e", "r", "s", "t", "n", "low", "est", "er", "new", "▁wide", "▁show", "天", "地", "上下", "🙂"]
RARE = ["x", "é", "界", "𝒳", "\n", "ß", "中", "👩‍👧", "\u0301", "q", "ab", "aa"]
# Enough for every text.
BYTES = [f"<0x{byte:02X}>" for byte in sorted({*"".join(COMMON + RARE).encode(), *b"#<>_", *range(0x30, 0x39)})]
SOME_BYTES = [f"<0x{byte:02X}>" for byte in (0x0A, 0x71, 0x78, 0x9F, 0xA9, 0xC3)]
LETTERS = list("▁abcdeilnorstw天地上下") + ["🙂"]


def make_texts(rng):
    texts = ["a", "", "lower", "▁lower▁newest", "天", "x", "🙂", "𝒳", "é", "<unk>", "<0x0A>", "\n", "aaaaaaaaaaa"]
    texts += ["lowest", "lowlower", "天地", "🙂🙂地", "lowestx", "newérs", "laaaaa", "low##er", "xlow", "loweraaaa", "🙂🙂aaa"]
    for length in [3, 6, 11]:
        for share in [0.1, 0.6]:
            texts.append("".join(rng.choice(RARE if rng.random() < share else COMMON) for _ in range(length)))
    return texts


def merges_of(vocab, tokens):
    """Every way to split the tokens into two of the vocabulary, as SentencePiece's vocabularies are converted."""
    return [(token[:i], token[i:]) for token in tokens for i in range(1, len(token)) if token[:i] in vocab and token[i:] in vocab]


JOINED = ["lo", "low", "▁l", "▁lo", "▁low", "er", "es", "est", "▁n", "ne", "▁ne", "new", "▁new", "wi", "▁w", "▁wi", "de", "天地", "上下", "aa", "aaaa", "🙂🙂"]


def sentence_piece_bpe(bytes_known, extra=(), whole=(), **options):
    tokens = ["<unk>", *bytes_known, *LETTERS, *JOINED, *(a + b for a, b in extra), *whole]
    vocab = {token: id for id, token in enumerate(dict.fromkeys(tokens))}
    return models.BPE(vocab, [*merges_of(vocab, JOINED), *extra], **options)


def symbols(word, continuing_subword_prefix="", end_of_word_suffix=""):
    """What merging starts from."""
    last = len(word) - 1
    return [continuing_subword_prefix * (i > 0) + word[i] + end_of_word_suffix * (i == last) for i in range(last + 1)]


def trained_bpe(**options):
    model = Tokenizer(models.BPE(**options))
    model.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    kept = {key: options[key] for key in ("continuing_subword_prefix", "end_of_word_suffix") if key in options}
    # HF numbers symbols with a prefix or suffix in no certain order: given here, they keep theirs.
    first = ["<unk>", *sorted({symbol for word in WORDS for symbol in symbols(word, **kept)})]
    model.train_from_iterator([" ".join(WORDS * 3)], trainers.BpeTrainer(vocab_size=72, special_tokens=first, show_progress=False, **kept))
    return model.model


def word_piece(prefix, limit):
    plain = ["[UNK]", "low", "lower", "l", "o", "w", "new", "天", "🙂", "##", "a", "é"]
    inside = ["er", "est", "e", "r", "s", "t", "low", "n", "ew", "地", "🙂", "a", "aa", "aaa", "o", "w"]
    tokens = dict.fromkeys([*plain, *(prefix + token for token in inside)])
    return models.WordPiece({token: id for id, token in enumerate(tokens)}, unk_token="[UNK]", continuing_subword_prefix=prefix, max_input_chars_per_word=limit)


UNIGRAM = [("<unk>", 0.0), ("▁", -2.0), ("l", -3.0), ("o", -3.25), ("w", -3.5), ("e", -2.75), ("r", -3.0), ("s", -3.0), ("t", -3.0), ("n", -3.0),
           ("low", -5.0), ("er", -4.5), ("est", -6.0), ("lower", -9.5), ("▁new", -6.5), ("new", -5.5), ("天地", -8.0), ("天", -7.0), ("🙂", -7.5),
           ("a", -1.0), ("aa", -2.0), ("aaa", -3.0), ("xé", -60.0), ("xl", -60.0), ("wid", -4.0), ("d", -3.0), ("i", -3.5), ("ow", -6.75)]


def all_models():
    yield "bpe trained", trained_bpe(unk_token="<unk>"), None
    yield "bpe trained, fuse_unk", trained_bpe(unk_token="<unk>", fuse_unk=True), None
    yield "bpe trained, unknown dropped", trained_bpe(), None
    yield "bpe prefix", trained_bpe(unk_token="<unk>", continuing_subword_prefix="##"), None
    yield "bpe suffix", trained_bpe(unk_token="<unk>", end_of_word_suffix="</w>"), None
    yield "bpe prefix, suffix, fuse_unk", trained_bpe(unk_token="<unk>", continuing_subword_prefix="@", end_of_word_suffix="$", fuse_unk=True), None
    yield "bpe byte_fallback", sentence_piece_bpe(BYTES, unk_token="<unk>", byte_fallback=True, fuse_unk=True), None
    yield "bpe some byte tokens", sentence_piece_bpe(SOME_BYTES, unk_token="<unk>", byte_fallback=True), None
    yield "bpe some byte tokens, fuse_unk", sentence_piece_bpe(SOME_BYTES, unk_token="<unk>", byte_fallback=True, fuse_unk=True), None
    yield "bpe some byte tokens, unknown dropped", sentence_piece_bpe(SOME_BYTES, byte_fallback=True), None
    yield "bpe merges of bytes", sentence_piece_bpe(BYTES, extra=[("<0xC3>", "<0xA9>"), ("e", "<0xC3>"), ("<0xA9>", "r")], unk_token="<unk>", byte_fallback=True), None
    yield "bpe merges of the unknown token", sentence_piece_bpe([], extra=[("<unk>", "e"), ("o", "<unk>")], unk_token="<unk>", fuse_unk=True), None
    yield "bpe ignore_merges", sentence_piece_bpe([], whole=["lower", "é", "lowest", "天"], unk_token="<unk>", ignore_merges=True), None
    yield "bpe dropout 1", sentence_piece_bpe(BYTES, unk_token="<unk>", byte_fallback=True, dropout=1.0), None
    yield "word piece", word_piece("##", 100), None
    yield "word piece, no prefix", word_piece("", 100), None
    yield "word piece, 5 characters", word_piece("##", 5), None
    yield "word level", models.WordLevel({"<unk>": 0, "lower": 1, "天": 2, "🙂": 4}, unk_token="<unk>"), None
    yield "unigram", models.Unigram(UNIGRAM, 0, False), None
    yield "unigram byte_fallback", models.Unigram([*UNIGRAM, *((token, -20.0) for token in BYTES)], 0, True), None
    yield "unigram some byte tokens", models.Unigram([*UNIGRAM, *((token, -20.0) for token in SOME_BYTES)], 0, True), None
    yield "unigram, a token twice", models.Unigram([*UNIGRAM, ("low", -30.0), ("est", -1.0)], 0, False), None
    yield "bpe behind ByteLevel, some bytes", sentence_piece_bpe([], unk_token="<unk>", fuse_unk=True), "ByteLevel"
    yield "bpe suffix behind ByteLevel", trained_bpe(unk_token="<unk>", end_of_word_suffix="</w>"), "ByteLevel"
    yield "word piece behind ByteLevel", word_piece("##", 100), "ByteLevel"


def model_cases(texts):
    for name, model, before in all_models():
        tokenizer = Tokenizer(model)
        if before is not None:
            tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        rows = []
        for text in texts:
            encoding = tokenizer.encode(text, add_special_tokens=False)
            rows.append([encoding.ids, spans(encoding.offsets)])
        model_json = json.loads(tokenizer.to_str())["model"]
        yield {"name": name, "byteLevel": before is not None, "model": model_json, "rows": rows}


def sharing_parts(cases):
    """A vocabulary, a list of merges or a row that an earlier model has too is the number of that model."""
    shared = []
    for case in cases:
        model = dict(case["model"])
        for part in ("vocab", "merges"):
            same = (at for at, other in enumerate(cases) if other["model"].get(part) == model.get(part))
            first = next(same)
            if part in model and cases[first] is not case:
                model[part] = first
        rows = [next(at for at, other in enumerate(cases) if other["rows"][i] == row) for i, row in enumerate(case["rows"])]
        rows = [row if cases[at] is case else at for at, row in zip(rows, case["rows"])]
        shared.append({**case, "model": model, "rows": rows})
    return shared


def written_models():
    floats = [0.0, -2.5, -1e-7, 1e16, 1e15, 1.234e20, 1e-5, -0.0, 123456789.125, 5e-324, 1e-6, 12345678901234567.0, -123.0, 0.1, 1 / 3]
    yield models.BPE({"a": 0, "b": 1, "ab": 5, "10": 3, "2": 2, '"\\\t\u001f\u007f\u2028': 4}, [("a", "b"), ("a", "b")], dropout=0.1, unk_token="a")
    yield models.BPE({}, [], byte_fallback=True, ignore_merges=True, continuing_subword_prefix="##", end_of_word_suffix="")
    yield models.WordPiece({"[UNK]": 0, "##a": 7}, unk_token="[UNK]", max_input_chars_per_word=50)
    yield models.WordLevel({"<unk>": 0, "é": 1}, unk_token="<unk>")
    yield models.Unigram([(f"t{i}", score) for i, score in enumerate(floats)], 1, True)
    yield models.Unigram([], None, False)


def model_section(model):
    """The lines of the model in HF's own layout, moved to column 0."""
    text = Tokenizer(model).to_str(pretty=True)
    section = text[text.index('  "model": ') + len('  "model": '):text.rindex("\n}")]
    return section.replace("\n  ", "\n")


TOKENS = ["low", "##er", "▁low", "▁", "Ġthe", "Ċ", "Ã", "©", "ã", "Ģ", "Ĥ", "<0xE5>", "<0xA4>", "<0xA9>", "<0x41>", "<0xFF>", "<0x+A>", "<0xG1>",
          "est</w>", "</w>", "<pad>", "|", "a", "a", "天", "🙂", " ", "  ", ".", "n't", "do not", "I", "'", "'s", "▁▁x", "##", "ab", "aba", "bab", "\ufeff", "Ġ🙂"]


def all_decoders():
    yield None
    yield decoders.ByteLevel()
    yield decoders.ByteFallback()
    yield decoders.Fuse()
    yield decoders.Metaspace()
    yield decoders.Metaspace(prepend_scheme="never", replacement="a")
    yield decoders.WordPiece()
    yield decoders.WordPiece(prefix="", cleanup=False)
    yield decoders.BPEDecoder()
    yield decoders.BPEDecoder(suffix="")
    yield decoders.CTC()
    yield decoders.CTC(pad_token="a", word_delimiter_token="▁", cleanup=False)
    yield decoders.Strip("a", 2, 0)
    yield decoders.Replace("ab", "$&")
    yield decoders.Replace("", "-")
    yield decoders.Sequence([])
    yield decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    yield decoders.Sequence([decoders.Fuse(), decoders.Replace("aba", "(aba)"), decoders.Strip("a", 1, 1)])
    yield decoders.Sequence([decoders.Fuse(), decoders.Strip(" ", 3, 2)])
    yield decoders.Sequence([decoders.Fuse(), decoders.Metaspace()])
    yield decoders.Sequence([decoders.ByteLevel(), decoders.WordPiece()])
    yield decoders.Sequence([decoders.ByteFallback(), decoders.CTC(), decoders.BPEDecoder()])


def decode(tokenizer, tokens):
    """The text, 0 where it is the tokens joined, or None where HF panics: Strip does when both ends ask for the same character."""
    try:
        text = tokenizer.decode([tokenizer.token_to_id(token) for token in tokens], skip_special_tokens=False)
        return 0 if text == "".join(tokens) else text
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            return None
        raise


def decoder_cases(rng):
    lists = [[], ["a"], ["▁low", "est</w>"], ["<0xE5>", "<0xA4>", "<0xA9>"], ["<0xE5>", "<0xA4>", "low"]]
    lists += [[rng.choice(TOKENS) for _ in range(rng.randint(2, 10))] for _ in range(10)]
    vocab = {token: id for id, token in enumerate(dict.fromkeys([*TOKENS, "<unk>"]))}
    cases = []
    for decoder in all_decoders():
        tokenizer = Tokenizer(models.WordLevel(vocab, unk_token="<unk>"))
        if decoder is not None:
            tokenizer.decoder = decoder
        texts = [decode(tokenizer, tokens) for tokens in lists]
        cases.append({"decoder": json.loads(tokenizer.to_str())["decoder"], "texts": texts})
    return {"tokens": lists, "cases": cases}


def main():
    rng = random.Random(11)
    texts = make_texts(rng)
    fixture = {
        "texts": texts,
        "models": sharing_parts(list(model_cases(texts))),
        "written": [model_section(model) for model in written_models()],
        "decoders": decoder_cases(rng),
    }
    write_json(FILE, fixture, 2)
    print(FILE, FILE.stat().st_size)


if __name__ == "__main__":
    main()
