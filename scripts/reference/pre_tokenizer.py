"""Reference values for the pre-tokenizers and post-processors of @ds3/tokenizer, computed by HF tokenizers (0.23).

Writes packages/tokenizer/fixtures/pre-tokenizers.cases.json (ranges of pieces in code points, as compact.py shortens them,
and the pieces, 0 for one that is the text there; null where the text stays one piece as it is, and a number
for all rows where they are those of an earlier one; for patterns the lengths of isolated pieces) and
post-processors.cases.json (encodings of texts and pairs). Needs Python with `tokenizers`.

    python scripts/reference/pre_tokenizer.py
"""

import json
from pathlib import Path

from compact import spans, write_json
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors

FOLDER = Path(__file__).resolve().parents[2] / "packages" / "tokenizer" / "fixtures"

TEXTS = [
    "Hi, all!  I'm;don't  you'LL?",
    " a bc  ",
    "a\u0085b\ufeffc\u00a0d\u3000e\u2028f\tg\r\n\nh \n i",
    "e\u0301te\u0301 n\u0303 \u0301x \u0300\u0301",
    "中文 ab 漢字かナ々ー한123",
    "x1٣२Ⅻ½²3 1234 .5",
    "n: \U000323b0\U000323b1 \U00011de1 \u1c8a\ua7dc",
    "$5+€3 <`c> a_b~c^d|e «„r“ ؛৽⸮⹃፡",
    "🙂👩‍👧 \U00020000 \u200d \u200b x",
    "▁al▁▁m ▁ _u__s-d--x",
    "",
    " ",
    "a",
    "----",
    "Ωέ שם हिन्दी ไท Ελ a",
    "\x00\x01 \x7f",
]

GPT2 = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]


def split(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def metaspace(scheme, is_split=True, replacement="▁"):
    return {"type": "Metaspace", "replacement": replacement, "prepend_scheme": scheme, "split": is_split}


def sequence(*steps):
    return {"type": "Sequence", "pretokenizers": list(steps)}


PRE_TOKENIZERS = [
    GPT2,
    {**GPT2, "add_prefix_space": True, "use_regex": False},
    *[split({"String": "--"}, behavior) for behavior in BEHAVIORS[2:]],
    *[split({"Regex": r"\s+|[[:punct:]]"}, behavior, invert) for behavior in BEHAVIORS for invert in (False, True)],
    split({"Regex": r"x*"}, "MergedWithPrevious"),
    split({"String": ""}, "Isolated"),
    split({"String": "."}, "MergedWithNext"),
    {"type": "Digits", "individual_digits": True},
    {"type": "Digits", "individual_digits": False},
    {"type": "Whitespace"},
    {"type": "WhitespaceSplit"},
    {"type": "Punctuation", "behavior": "Isolated"},
    {"type": "Punctuation", "behavior": "Contiguous"},
    *[metaspace(scheme, is_split) for scheme in ("always", "first", "never") for is_split in (True, False)],
    metaspace("always", True, "_"),
    {"type": "Metaspace", "replacement": "▁", "add_prefix_space": False, "prepend_scheme": "never"},
    {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True},
    {"type": "CharDelimiterSplit", "delimiter": "-"},
    {"type": "CharDelimiterSplit", "delimiter": " "},
    {"type": "BertPreTokenizer"},
    {"type": "UnicodeScripts"},
    {"type": "FixedLength", "length": 3},
    {"type": "FixedLength", "length": 1},
    sequence({"type": "WhitespaceSplit"}, metaspace("always")),
    sequence({"type": "WhitespaceSplit"}, metaspace("first")),
    sequence(metaspace("first"), {"type": "Digits", "individual_digits": True}),
    sequence({"type": "Punctuation"}, {**GPT2, "add_prefix_space": True, "use_regex": False}),
    sequence({**GPT2, "add_prefix_space": True}, split({"Regex": "Ġ"}, "MergedWithNext")),
    sequence(split({"Regex": r"\p{N}{1,3}"}), split({"Regex": r"[一-龥]+"}), sequence({"type": "Whitespace"}), GPT2),
    sequence({"type": "UnicodeScripts"}, {"type": "WhitespaceSplit"}),
]

PATTERNS = [
    r"\w+", r"[\w]+", r"\W+", r"[^\W_]+", r"\d+|\h+", r"\D+", r"\S+", r"[\s\S]", r"\bé|\b", r"\B", r"^.", r".$", r"\A\S|\S\z",
    r"x\Z|\n\Z", r".+", r"(?m:.)+", r"\N+\R", r"\R", r"(?i:'s|'t|'re|'ve|'m|'ll|'d)", r"(?i:ss|k)", r"(?i:ß)", r"(?i:[ßk])",
    r"(?i:[^s])+", r"(?i)\p{Lu}", r"(?i)[\p{Lu}]", r"a(?i)b|c", r"(?i)a(?-i:b)", r"(?i:st|ffi)", r"(?x) a  b # c", r"a++b|a", r"(?>a+|b)b",
    r"[^\r\n\p{L}\p{N}]?+\p{L}+", r"\p{N}{1,3}+", r"a{,2}b", r"a{2}?b", r"a{1,2}?", r"[[:alpha:]\d]+", r"[[:^space:]]+", r"[[:punct:]]+",
    r"\p{Punct}+", r"[a-z&&[^aeiou]]+", r"[^a-z&&[^b]]", r"[a[bc]-]+", r"[]a]+", r"[^]a]+", r"[a-c-]+", r"[\]\-\\\[]+", r"\x{4e2d}|\x41|\u0042|\103",
    r"\p{Han}+|\p{Hiragana}+", r"\p{^L}+", r"\P{L}+", r"\P{^L}+", r"\p{Uppercase_Letter}\p{l-l}*", r"\p{alnum}+", r"\p{Emoji}", r"\p{Cn}",
    r"(?<=a|bc)d", r"(?<!\s)\s+", r"(?=b)", r"a\'\_\/}]", r"(?<n>a)(b)?", r"(?#c)a|b", r"\t|\e|\a|\f|\v|\cA|\0", r"x*", r"(?:)", r"a||b",
    r"\s+(?!\S)|\s+", r"\p{Ll}\p{M}*", r"[\x{1F600}-\x{1F64F}]",
]
PATTERN_TEXTS = [
    "aab abcd Abc aBC bb\nab\r\nx\n",
    "don'T I'S we'ſ ßẞSSſs Kk ﬆst FFIﬃx",
    "a²c é e\u0301 中文ひら 12 1234\u0663 _-]\\[. ,",
    "BAC 🙂 \u0085\ufeff \u2028\u200b \U000323b0\U00020000 a'_/}]\t\x1b\x07\x00\x01",
]
SPECIALS = {"<s>": 0, "</s>": 1, "[CLS]": 2, "[SEP]": 3}
BERT = {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}


def roberta(trim, prefix):
    return {"type": "RobertaProcessing", "sep": ["</s>", 1], "cls": ["<s>", 0], "trim_offsets": trim, "add_prefix_space": prefix}


def byte_level(trim, prefix):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": trim, "use_regex": True}


def piece(name):
    name, _, kind = name.partition(":")
    if name[0] == "$":
        return {"Sequence": {"id": name[1], "type_id": int(kind or 0)}}
    return {"SpecialToken": {"id": name, "type_id": int(kind or 0)}}


def template(single, pair):
    used = [name for name in SPECIALS if name in single or name in pair]
    tokens = {name: {"id": name, "ids": [SPECIALS[name]], "tokens": [name]} for name in used}
    tokens["two"] = {"id": "two", "ids": [3, 1], "tokens": ["[SEP]", "</s>"]}
    return {
        "type": "TemplateProcessing",
        "single": [piece(name) for name in single.split()],
        "pair": [piece(name) for name in pair.split()],
        "special_tokens": tokens,
    }


PREFIXED = {**GPT2, "add_prefix_space": True}
POST_PROCESSORS = [
    (None, GPT2),
    (BERT, GPT2),
    *[(roberta(trim, prefix), pre) for trim, prefix in ((True, True), (True, False), (False, True)) for pre in (GPT2, PREFIXED)],
    *[(byte_level(True, prefix), pre) for prefix in (True, False) for pre in (GPT2, PREFIXED)],
    (byte_level(False, True), PREFIXED),
    (template("<s> $A", "<s> $A <s> $B:1"), GPT2),
    (template("[CLS] $A:2 two:3", "$B:4 two $A:5 </s>:1"), GPT2),
    (template("$A </s> $A", "$A $B:1 $A:2"), GPT2),
    ({"type": "Sequence", "processors": [byte_level(True, False), template("<s> $A", "<s> $A $B:1")]}, PREFIXED),
    ({"type": "Sequence", "processors": [byte_level(True, True), roberta(True, False)]}, PREFIXED),
]
POST_TEXTS = [["  hello  world ", None], ["hello", " w中"], ["", None], ["", "a b"], ["a \n\n\u00a0 b", "  "]]


def pre_tokenizer_cases():
    cases = []
    for step in PRE_TOKENIZERS:
        rows = [pre_tokenize(step, text) for text in TEXTS]
        same = next((at for at, case in enumerate(cases) if case["rows"] == rows), None)
        cases.append({"json": step, "rows": rows if same is None else same})
    return cases


def tokenizer_of(pre_tokenizer, post_processor):
    used = "".join(text for pair in POST_TEXTS for text in pair if text)
    alphabet = sorted({char for piece, _ in pre_tokenizers.ByteLevel().pre_tokenize_str(used) for char in piece})
    vocab = {**SPECIALS, **{char: len(SPECIALS) + i for i, char in enumerate(alphabet)}}
    merges = [("h", "e"), ("l", "l"), ("he", "ll"), ("hell", "o"), ("Ġ", "Ġ"), ("Ġ", "hello"), ("o", "r"), ("Ġ", "w"), ("Ċ", "Ċ")]
    for left, right in merges:
        vocab[left + right] = len(vocab)
    tokenizer = Tokenizer(models.BPE(vocab, merges))
    file = json.loads(tokenizer.to_str())
    file["pre_tokenizer"], file["post_processor"], file["decoder"] = pre_tokenizer, post_processor, {**GPT2}
    return json.dumps(file)


def pre_tokenize(description, text):
    host = Tokenizer(models.BPE())
    file = json.loads(host.to_str())
    file["pre_tokenizer"] = description
    tokenizer = Tokenizer.from_str(json.dumps(file)).pre_tokenizer
    found = tokenizer.pre_tokenize_str(text)
    ranges = spans(ends for _, ends in found)
    pieces = [0 if piece == text[start:end] else piece for piece, (start, end) in found]
    if found == [(text, (0, len(text)))]:
        return None
    return [ranges, pieces] if any(pieces) else [ranges]


def post_process(pre_tokenizer, post_processor, pair, add_special_tokens):
    encoding = Tokenizer.from_str(tokenizer_of(pre_tokenizer, post_processor)).encode(
        *[text for text in pair if text is not None], add_special_tokens=add_special_tokens
    )
    digits = ["".join(map(str, column)) for column in (encoding.type_ids, encoding.special_tokens_mask)]
    return [encoding.ids, spans(encoding.offsets), *digits]


def post_processed(pre_tokenizer, post_processor, pair):
    """With special tokens, then without them where that is not the same."""
    rows = [post_process(pre_tokenizer, post_processor, pair, special) for special in (True, False)]
    return rows[:1] if rows[0] == rows[1] else rows


def lengths(pattern, text):
    return [len(piece) for piece, _ in pre_tokenizers.Split(Regex(pattern), "isolated").pre_tokenize_str(text)]


write_json(
    FOLDER / "pre-tokenizers.cases.json",
    {
        "texts": TEXTS,
        "preTokenizers": pre_tokenizer_cases(),
        "patternTexts": PATTERN_TEXTS,
        "patterns": [{"pattern": pattern, "lengths": [lengths(pattern, text) for text in PATTERN_TEXTS]} for pattern in PATTERNS],
    },
    2,
)
write_json(
    FOLDER / "post-processors.cases.json",
    {
        "tokenizer": json.loads(tokenizer_of(GPT2, None)),
        "texts": POST_TEXTS,
        "postProcessors": [
            {
                "json": processor,
                "prefix": pre["add_prefix_space"],
                "encodings": [post_processed(pre, processor, pair) for pair in POST_TEXTS],
            }
            for processor, pre in POST_PROCESSORS
        ],
    },
    2,
)
