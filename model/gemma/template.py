"""The chat template: which one a checkpoint has, and whether it writes what Gemma 4 was trained on.

Copies in the wild disagree. A template's hash goes into the engine's fingerprint, so that a record says which one it
was made with. A hash cannot say whether an unknown copy is sound, so every template is tried on a few conversations
when it is loaded, and must write turns, pictures, the thinking switch and tools where they belong.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product, takewhile
from typing import Any

from schemas.errors import EngineUnavailable

# Copies that were read and tried. Google's repositories could not be reached when these were written down, so whether
# they hold these today is not known.
KNOWN_TEMPLATES = {
    "58c66fdee4afa29786fa0925a4c3659c8ebc28a2db93da6ae479d7d5886ce48f": "26B A4B, from llama.cpp's vocabulary file",
    "1d35a24a2a63cc600c0cab43628a6df4cd3318e959b03307cf5f9f7e29ecf783": "31B, llama.cpp's copy",
    "df900edd2fcee5defc268bee887666c43c976d973bb3e87355b52423a651bf91": "31B, interleaved thoughts, llama.cpp's copy",
}

_MARKER = re.compile(
    r'\s*(<\|(?:turn|tool|tool_call|tool_response|channel|think\||image\||"\|)>'
    r"|<(?:turn|tool|tool_call|tool_response|channel)\|>)\s*"
)
_DECLARED = re.compile(r"<\|tool>declaration:look_up\{(.*)\}<tool\|>", re.DOTALL)

# What may stand where the model goes on. Small models are given no empty thought; some copies begin the thought.
_GOES_ON = {False: ("", "<|channel>thought<channel|>"), True: ("", "<|channel>thought")}

_RULES = {"role": "system", "content": "Rules."}
_PAGES = {
    "role": "user",
    "content": [
        {"type": "text", "text": "Page 1"},
        {"type": "image"},
        {"type": "text", "text": "Words\n\nPage 2"},
        {"type": "image"},
        {"type": "text", "text": "Task"},
    ],
}
_CALL = {"type": "function", "function": {"name": "look_up", "arguments": {"page": 2, "term": "VAT"}}}
_RESPONSE = {"name": "look_up", "response": {"found": True}}
_LOOKED_UP = {"role": "assistant", "content": "", "tool_calls": [_CALL], "tool_responses": [_RESPONSE]}
_SHOWN = {"role": "user", "content": [{"type": "text", "text": "Look"}, {"type": "image"}]}
_TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Looks up.",
        "parameters": {
            "type": "object",
            "properties": {
                "page": {"type": "integer", "description": "The page."},
                "term": {"type": "string", "description": "The term."},
            },
            "required": ["page", "term"],
        },
    },
}
_USER_TURN = "<|turn>user\nPage 1<|image|>Words\n\nPage 2<|image|>Task<turn|>"
_CALLED = (
    '<|tool_call>call:look_up{page:2,term:<|"|>VAT<|"|>}<tool_call|>'
    "<|tool_response>response:look_up{found:true}<tool_response|>"
)


@dataclass(frozen=True)
class _Trial:
    """A conversation, and its parts as they should be written; where a part has several forms, each is good."""

    what: str
    messages: Sequence[Mapping[str, Any]]
    written: Sequence[Sequence[str]]
    thinking: bool = False
    tools: Sequence[Mapping[str, Any]] = ()

    @property
    def forms(self) -> list[str]:
        return ["".join(parts) for parts in product(*self.written, _GOES_ON[self.thinking])]


_SYSTEM = "<bos><|turn>system\nRules.<turn|>"
_THINKING = "<bos><|turn>system<|think|>Rules.<turn|>"
_TRIALS = (
    _Trial("pages", [_RULES, _PAGES], [[_SYSTEM], [_USER_TURN], ["<|turn>model"]]),
    _Trial("pages, thinking", [_RULES, _PAGES], [[_THINKING], [_USER_TURN], ["<|turn>model"]], thinking=True),
    _Trial(
        "tools",
        [_RULES, _PAGES],
        [["<bos><|turn>system\nRules.<|tool>look_up<tool|><turn|>"], [_USER_TURN], ["<|turn>model"]],
        tools=[_TOOL],
    ),
    _Trial(
        "two tool responses",
        [_RULES, _PAGES, _LOOKED_UP, _LOOKED_UP],
        [[_SYSTEM], [_USER_TURN], ["<|turn>model"], [_CALLED], ["", "<|turn>model"], [_CALLED]],
    ),
    _Trial(
        "a tool response and a picture",
        [_RULES, _PAGES, {**_LOOKED_UP, "content": " "}, _SHOWN],
        [
            [_SYSTEM],
            [_USER_TURN],
            ["<|turn>model"],
            [
                _CALLED,
            ],
            ["<turn|><|turn>user\nLook<|image|><turn|><|turn>model"],
        ],
    ),
    _Trial(
        "a tool response, thinking",
        [_RULES, _PAGES, _LOOKED_UP],
        [[_THINKING], [_USER_TURN], ["<|turn>model"], [_CALLED]],
        thinking=True,
    ),
)


def template_hash(template: str) -> str:
    """SHA-256 in hex; line ends and blank space around the text, which checkouts change, do not count."""
    return hashlib.sha256(template.replace("\r\n", "\n").strip().encode()).hexdigest()


def shared_length(left: Sequence[Any], right: Sequence[Any]) -> int:
    """How many of the first items, characters or tokens, are the same in both."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))


def check_template(model: str, tokenizer: Any) -> None:
    """Raises EngineUnavailable where the tokenizer's chat template writes something else than Gemma 4 expects."""
    for trial in _TRIALS:
        written = _written(model, tokenizer, trial)
        if written not in trial.forms:
            nearest = max(trial.forms, key=lambda form: shared_length(form, written))
            raise _unsound(
                model, tokenizer, f"in a conversation with {trial.what} it writes {_differs(written, nearest)}"
            )


def _written(model: str, tokenizer: Any, trial: _Trial) -> str:
    """What the template makes of the conversation; a sound declaration of the tool is shortened to its name."""
    try:
        text = tokenizer.apply_chat_template(
            trial.messages,
            tools=list(trial.tools) or None,
            tokenize=False,
            add_generation_prompt=True,
            enable_thinking=trial.thinking,
        )
    except Exception as error:  # the template is a program: whatever it raises, it is of no use
        raise _unsound(model, tokenizer, f"a conversation with {trial.what} makes it fail: {error}") from error
    return _DECLARED.sub(_shortened, _MARKER.sub(r"\1", text).strip())


def _shortened(declared: re.Match[str]) -> str:
    complete = all(part in declared[1] for part in ("Looks up.", "page:{", "The page.", "term:{", "The term."))
    return "<|tool>look_up<tool|>" if complete else declared[0]


def _differs(written: str, expected: str) -> str:
    same = shared_length(written, expected)
    begin = max(0, same - 30)
    return f"{written[begin : same + 40]!r} where {expected[begin : same + 40]!r} belongs"


def _unsound(model: str, tokenizer: Any, what: str) -> EngineUnavailable:
    known = template_hash(tokenizer.chat_template or "")
    return EngineUnavailable(
        f"the chat template of {model} (sha256 {known[:12]}) is not Gemma 4's: {what}.",
        remedy="Put the `chat_template.jinja` of the model's own release beside its tokenizer.",
    )
