"""Reference values for @ds3/tokenizer's chat templates, computed by Hugging Face transformers (5.18) and jinja2 (3.1).

Reads the templates in packages/tokenizer/fixtures/chat/*.jinja (the first command below writes deepseek.jinja, the
default one) and writes rendered.json beside them: what each renders for each conversation and what the generation prompt
adds to that, or that it refuses; for the default one, loaded by AutoTokenizer from a folder that ds3 wrote, the ids too;
for templates with `{% generation %}` blocks the ranges of the assistant's tokens. Needs Python; the project's own tests
only read the files.

    npx tsx -C @ds3/source packages/tokenizer/test/chat-model-folder.ts <folder>
    python scripts/reference/chat.py <folder>
"""

import sys
from itertools import groupby
from pathlib import Path

from compact import write_json
from transformers import AutoTokenizer

FOLDER = Path(__file__).resolve().parents[2] / "packages" / "tokenizer" / "fixtures" / "chat"
DATE = "2 March 2031"
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "add_numbers",
            "description": "Adds <two> numbers & says 'done'. 加法",
            "parameters": {
                "type": "object",
                "properties": {"a": {"type": "number"}, "b": {"type": "number", "default": 1.5}},
                "required": ["a"],
                "strict": True,
                "extra": None,
                "list": [],
            },
        },
    }
]


def turn(role, content):
    return {"role": role, "content": content}


CONVERSATIONS = {
    "one": [turn("user", "Hello?")],
    "system": [turn("system", "Be brief."), turn("user", "  2 + 2 \n"), turn("assistant", "4")],
    "multi": [
        turn("system", "You are kind.\nVery."),
        turn("user", "你好 <b>&amp;</b> \"it's\""),
        turn("assistant", "Hi!\n\nHow are you?\n"),
        turn("user", "{{ not_a_variable }} {% if %} 🙂"),
        turn("assistant", "  Fine.  "),
        turn("user", "Bye"),
    ],
    "two_systems": [turn("system", "First."), turn("user", "q"), turn("system", "Second."), turn("assistant", "a")],
    "thinking": [
        turn("user", "17 * 3?"),
        turn("assistant", "<think>10*3 + 7*3</think>51"),
        turn("user", "plus 1?"),
        turn("assistant", "<think>51 + 1\n</think>\n\n52"),
    ],
    "tool": [
        turn("user", "Add 2 and 3."),
        turn("assistant", '{"name": "add_numbers", "arguments": {"a": 2, "b": 3}}'),
        turn("tool", '{"sum": 5}'),
        turn("tool", "done"),
        turn("assistant", "5"),
        turn("user", "Thanks"),
    ],
    "unknown_role": [turn("critic", "No.")],
    "empty": [turn("user", ""), turn("assistant", "")],
}
WITH_TOOLS = {"qwen-like": ["one", "tool"]}


def added(longer, shorter):
    """What the longer one has behind the shorter one."""
    assert longer[: len(shorter)] == shorter, (longer, shorter)
    return longer[len(shorter) :]


def render(tokenizer, template, messages, tools):
    options = {"chat_template": template, "tools": tools, "tokenize": False, "strftime_now": lambda _: DATE}
    try:
        text = tokenizer.apply_chat_template(messages, **options)
    except Exception as error:
        return {"message": str(error)}
    return {"text": text, "prompt": added(tokenizer.apply_chat_template(messages, add_generation_prompt=True, **options), text)}


def cases_of(tokenizer, name, template):
    for conversation, messages in CONVERSATIONS.items():
        for tools in [False, True] if conversation in WITH_TOOLS.get(name, []) else [False]:
            result = render(tokenizer, template, messages, TOOLS if tools else None)
            yield {"template": name, "conversation": conversation, "tools": tools, **result}


def loaded_cases(tokenizer, rendered):
    """Ids, and those that the generation prompt adds; the texts are those of the default template."""
    for case in rendered:
        if case["template"] != "deepseek" or "text" not in case:
            continue
        messages = CONVERSATIONS[case["conversation"]]
        prompted = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        assert prompted == case["text"] + case["prompt"]
        ids = list(tokenizer.apply_chat_template(messages, return_dict=True)["input_ids"])
        longer = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)["input_ids"]
        yield {"conversation": case["conversation"], "ids": ids, "prompt": added(list(longer), ids)}


def masked_cases(tokenizer, name, template):
    """Ids and the ranges of the assistant's tokens, for a template that marks what the assistant generates."""
    options = {"chat_template": template, "return_dict": True, "return_assistant_tokens_mask": True}
    for conversation, messages in CONVERSATIONS.items():
        encoded = tokenizer.apply_chat_template(messages, **options)
        runs = [(mask, [at for at, _ in run]) for mask, run in groupby(enumerate(encoded["assistant_masks"]), lambda pair: pair[1])]
        ranges = [[run[0], run[-1] + 1] for mask, run in runs if mask]
        yield {"template": name, "conversation": conversation, "ids": list(encoded["input_ids"]), "ranges": ranges}


def main(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    templates = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.jinja"))}
    cases = [case for name, template in templates.items() for case in cases_of(tokenizer, name, template)]
    marking = {name: template for name, template in templates.items() if "endgeneration" in template}
    masked = [case for name, template in marking.items() for case in masked_cases(tokenizer, name, template)]
    tokens = {"bos_token": tokenizer.bos_token, "eos_token": tokenizer.eos_token}
    written = {"date": DATE, **tokens, "tools": TOOLS, "conversations": CONVERSATIONS}
    written |= {"rendered": cases, "loaded": list(loaded_cases(tokenizer, cases)), "masked": masked}
    write_json(FOLDER / "rendered.json", written, 2)


if __name__ == "__main__":
    main(sys.argv[1])
