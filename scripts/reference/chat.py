"""Reference values for @ds3/tokenizer's chat templates, computed by Hugging Face transformers (5.18) and jinja2 (3.1).

Reads the templates in packages/tokenizer/fixtures/chat/*.jinja (the first command below writes deepseek.jinja, the
default one) and writes rendered.json beside them: what each renders for each conversation, with and without the
generation prompt, or that it refuses; for the default one, loaded by AutoTokenizer from a folder that ds3 wrote, the ids
too; for templates with `{% generation %}` blocks the mask of the assistant's tokens. Needs Python; the project's own
tests only read the files.

    npx tsx -C @ds3/source packages/tokenizer/test/chat-model-folder.ts <folder>
    python scripts/reference/chat.py <folder>
"""

import json
import sys
from pathlib import Path

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


def render(tokenizer, template, messages, tools, generation):
    options = {"chat_template": template, "tools": tools, "add_generation_prompt": generation, "tokenize": False}
    try:
        return {"text": tokenizer.apply_chat_template(messages, strftime_now=lambda _: DATE, **options)}
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)}


def cases_of(tokenizer, name, template):
    for conversation, messages in CONVERSATIONS.items():
        for tools in [None, TOOLS] if name == "qwen-like" else [None]:
            for generation in [False, True]:
                result = render(tokenizer, template, messages, tools, generation)
                yield {"template": name, "conversation": conversation, "tools": tools, "generation": generation, **result}


def loaded_cases(tokenizer):
    for conversation, messages in CONVERSATIONS.items():
        if conversation == "unknown_role":
            continue
        for generation in [False, True]:
            encoded = tokenizer.apply_chat_template(messages, add_generation_prompt=generation, return_dict=True)
            text = tokenizer.apply_chat_template(messages, add_generation_prompt=generation, tokenize=False)
            yield {"conversation": conversation, "generation": generation, "text": text, "ids": list(encoded["input_ids"])}


def masked_cases(tokenizer, name, template):
    """Ids and the mask of the assistant's tokens, for a template that marks what the assistant generates."""
    options = {"chat_template": template, "return_dict": True, "return_assistant_tokens_mask": True}
    for conversation, messages in CONVERSATIONS.items():
        encoded = tokenizer.apply_chat_template(messages, **options)
        mask = list(encoded["assistant_masks"])
        yield {"template": name, "conversation": conversation, "ids": list(encoded["input_ids"]), "mask": mask}


def main(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    templates = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.jinja"))}
    cases = [case for name, template in templates.items() for case in cases_of(tokenizer, name, template)]
    marking = {name: template for name, template in templates.items() if "endgeneration" in template}
    masked = [case for name, template in marking.items() for case in masked_cases(tokenizer, name, template)]
    tokens = {"bos_token": tokenizer.bos_token, "eos_token": tokenizer.eos_token}
    written = {"date": DATE, **tokens, "class": type(tokenizer).__name__, "conversations": CONVERSATIONS}
    written |= {"rendered": cases, "loaded": list(loaded_cases(tokenizer)), "masked": masked}
    text = json.dumps(written, ensure_ascii=False, separators=(",", ":"))
    (FOLDER / "rendered.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
