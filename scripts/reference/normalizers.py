"""Fixtures of normalizers and added tokens, with HF tokenizers 0.23.2: normalized texts, the origin of every character, ids.

    python scripts/reference/normalizers.py

A model that knows no character gives one unknown token for each character of the normalized text; its offsets are the
origin of that character. Offsets are code points, as compact.py shortens them. All normalizers get the same texts; what
one leaves as it is, is not stated. The map of Precompiled is written once and named.
"""
import base64
import json
import random
import struct
from pathlib import Path

from compact import spans, write_json
from tokenizers import AddedToken, Tokenizer, models

FOLDER = Path(__file__).resolve().parents[2] / "packages" / "tokenizer" / "fixtures"


def character_map(entries):
    """A SentencePiece character map: each node's children stand in the first free places of a double array."""
    root = {}
    for key, value in entries.items():
        node = root
        for byte in key.encode():
            node = node.setdefault(byte, {})
        node[None] = value
    texts, units, bases = bytearray(), {0: 0}, set()

    def place(node, unit):
        # Place 0 of a node holds its value; two nodes never share a base, so a label tells whose child it is.
        slots = [0 if byte is None else byte for byte in node]
        base = next(b for b in range(1, 1 << 20) if b not in bases and all(b ^ slot not in units for slot in slots))
        bases.add(base)
        units[unit] |= (unit ^ base) << 10
        for byte, child in node.items():
            units[base ^ (byte or 0)] = byte or 0
            if byte is None:
                units[unit] |= 1 << 8
                units[base] = 1 << 31 | len(texts)
                texts.extend(child.encode() + b"\0")
        for byte, child in node.items():
            if byte is not None:
                place(child, base ^ byte)

    place(root, 0)
    size = max(units) + 257
    array = struct.pack(f"<{size}I", *(units.get(i, 0) for i in range(size)))
    return base64.b64encode(struct.pack("<I", len(array)) + array + bytes(texts)).decode()


def step(kind, **options):
    return {"type": kind, **options}


def sequence(*steps):
    return step("Sequence", normalizers=list(steps))


def replace(content, **pattern):
    return step("Replace", pattern=pattern, content=content)


def bert(clean=True, chinese=True, accents=None, lower=True):
    return step("BertNormalizer", clean_text=clean, handle_chinese_chars=chinese, strip_accents=accents, lowercase=lower)


CHARACTER_MAP = character_map(
    {"\u00a0": " ", "\t": " ", "ﬁ": "fi", "①": "1", "e\u0301": "é", "\u200b": "", "Ａ": "A", "n\u0303": "ñ", "㌔": "キロ"}
)
FORMS = [step(kind) for kind in ("NFC", "NFD", "NFKC", "NFKD")]
NORMALIZERS = FORMS + [
    step("Lowercase"),
    step("Nmt"),
    step("StripAccents"),
    step("ByteLevel"),
    step("Strip", strip_left=True, strip_right=True),
    step("Strip", strip_left=True, strip_right=False),
    step("Strip", strip_left=False, strip_right=True),
    step("Prepend", prepend="▁"),
    step("Prepend", prepend="ab"),
    replace("▁", String=" "),
    replace("", String="a"),
    replace("<$1\\1>", String="  "),
    replace(" ", Regex=" {2,}"),
    replace("_", Regex="\\s*"),
    replace("é", Regex="[a-c]+"),
    bert(),
    bert(accents=False),
    bert(clean=False, chinese=False, accents=True, lower=False),
    step("Precompiled", precompiled_charsmap=CHARACTER_MAP),
    sequence(),
    sequence(step("NFD"), step("StripAccents"), step("Lowercase")),
    sequence(step("Prepend", prepend="▁"), replace("▁", String=" ")),
    sequence(step("NFKC"), step("ByteLevel")),
    sequence(step("Strip", strip_left=True, strip_right=True), step("Prepend", prepend="▁"), step("NFKD")),
    sequence(step("Precompiled", precompiled_charsmap=CHARACTER_MAP), replace(" ", Regex=" {2,}")),
]
PIECES = (
    ["a", "b", "C", " ", "  ", "\t", "\n", "\r\n", "é", "e\u0301", "ñ", "n\u0303", "Å", "\u0301", "\u0323", "\u0334", "\u0345"]
    + ["ệ", "ộ\u0323", "ﬁ", "①", "Σ", "ΑΣ", "İ", "ẞ", "한", "\u1100\u1161", "\u1161\u11a8", "각", "中", "文", "𠀀", "😀", "👩\u200d👧"]
    + ["\u00a0", "\u3000", "\u200b", "\u0085", "\u00ad", "\x00", "\x01", "\x0b", "\ufffd", "\ufeff", "㌔", "Ａ", "ａ", "ﷺ", "\u0344"]
    + ["\u0f73", "क\u093c", "\u0958", "\u212b", "𝅗𝅥", "\U0001d15e", "\U0002f800", "\u1e0a\u0323", "𐌀", "İı", "ǅ", "▁", "<", "\u0897", "\U00011938"]
    + ["\U00011935\U00011930", "\U0001e030", "\u32ff", "\u1ab0", "1", "२", "؀a", "\u0890", "\u1734", "\u0301\u0323"]
)
FIXED = ["", " ", "Hi  Wo ", "  é à\n", "\u0301a", "e\u0301\u0323x", "a\u0323\u0302\u0301", "a\u0310\u0301\u212b", "ΟΔΟΣ ΣΑΣ"]


def make_texts(generator):
    """Every piece once, in random order, a few in each text."""
    pieces = generator.sample(PIECES, len(PIECES))
    return [*FIXED, "\ufb01\t  \t<▁_ab", *("".join(pieces[at : at + 10]) for at in range(0, len(pieces), 10))]


def unknown_tokenizer(normalizer):
    model = {"type": "BPE", "dropout": None, "unk_token": "?", "continuing_subword_prefix": None, "end_of_word_suffix": None}
    model |= {"fuse_unk": False, "byte_fallback": False, "ignore_merges": False, "vocab": {"?": 0}, "merges": []}
    parts = ("truncation", "padding", "pre_tokenizer", "post_processor", "decoder")
    file = {"version": "1.0", **dict.fromkeys(parts), "added_tokens": [], "normalizer": normalizer, "model": model}
    return Tokenizer.from_str(json.dumps(file))


def normalizer_cases():
    texts = make_texts(random.Random(5))
    cases = []
    for normalizer in NORMALIZERS:
        tokenizer = unknown_tokenizer(normalizer)
        rows = [normalizer_row(tokenizer, at, text) for at, text in enumerate(texts)]
        written = json.loads(json.dumps(normalizer).replace(CHARACTER_MAP, "characterMap"))
        cases.append({"normalizer": written, "rows": [row for row in rows if row is not None]})
    return {"characterMap": CHARACTER_MAP, "texts": texts, "cases": cases}


def normalizer_row(tokenizer, at, text):
    """Number of the text, normalized text, and origins where they are not one character each from the first to the last."""
    normalized = tokenizer.normalizer.normalize_str(text)
    offsets = tokenizer.encode(text).offsets
    assert len(offsets) == len(normalized), (normalized, text)
    is_plain = offsets == [(i, i + 1) for i in range(len(text))]
    if normalized == text and is_plain:
        return None
    return [at, normalized, *([] if is_plain else [spans(offsets)])]


def added(content, **flags):
    names = ("single_word", "lstrip", "rstrip", "normalized", "special")
    return {"content": content, **{name: True for name in names if flags.get(name)}}


ADDED = [
    [added("ab"), added("abc"), added("b"), added("é")],
    [added("A", lstrip=True), added("B", rstrip=True), added("C", lstrip=True, rstrip=True)],
    [added("A", single_word=True), added("b"), added("中", single_word=True), added("😀", single_word=True)],
    [added("A", rstrip=True), added(" "), added("  "), added("C", lstrip=True)],
    [added("a", single_word=True, lstrip=True, rstrip=True), added("ab", single_word=True)],
    [added("É", normalized=True), added("ab", normalized=True), added("AB"), added("é1", single_word=True, normalized=True)],
    [added(c) for c in "acegikmoqsé中😀"],
    [added("A", rstrip=True), added(" x", lstrip=True), added(" b")],
]
ADDED_PIECES = ["a", "b", "c", "A", " ", "  ", "\t", "\u0085", "é", "_", "-", "\u0301", "\u200d", "𝟙", "²", "x", "\u3000"]


def added_cases():
    generator = random.Random(6)
    cases = []
    for tokens in ADDED:
        tokenizer = unknown_tokenizer(step("Lowercase"))
        tokenizer.add_tokens([AddedToken(**{"normalized": False, **token}) for token in tokens])
        rows = []
        # The tokens themselves weigh half, so that they meet each other and what is around them matters.
        pieces = ADDED_PIECES + [token["content"] for token in tokens] * (len(ADDED_PIECES) // len(tokens))
        for _ in range(14):
            text = "".join(generator.choice(pieces) for _ in range(generator.randint(1, 12)))
            encoding = tokenizer.encode(text)
            rows.append([text, encoding.ids, spans(encoding.offsets)])
        cases.append({"tokens": tokens, "rows": rows})
    return cases


for name, cases in (("normalizers", normalizer_cases()), ("added-token-flags", added_cases())):
    write_json(FOLDER / f"{name}.cases.json", cases, 2)
