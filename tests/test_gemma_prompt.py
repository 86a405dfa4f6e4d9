"""From asks to tokens: shared prefixes, pictures of several sizes in one batch, and documents that stay text."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from transformers import Gemma4ForConditionalGeneration
from transformers.models.gemma4.processing_gemma4 import Gemma4Processor
from transformers.processing_utils import ProcessorMixin

from model.engine import Ask, PageView, Scope
from model.gemma.calls import BadCall, ToolCall
from model.gemma.processor import (
    CHANNEL_CLOSE,
    CHANNEL_OPEN,
    IMAGE,
    IMAGE_CLOSE,
    IMAGE_OPEN,
    MARKERS,
    QUOTE,
    TURN_OPEN,
    Processor,
    load_processor,
)
from model.gemma.prompt import Prompt, encode
from model.gemma.tools import Exchange, ToolResult, run_calls
from model.wording import conversation
from schemas.contract import Contract
from schemas.page import Box, Mark, PageText, Word
from tests.batches import batched
from tests.pages import box, page
from tests.tiny_gemma import build

CONTRACT = Contract.from_json_schema({"title": "Bill", "type": "object", "properties": {"total": {"type": "number"}}})
SCHEMA = '{"type":"object","properties":{"total":{"type":"number"}}}'


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def processor(checkpoint: Path) -> Processor:
    return load_processor(checkpoint)


@cache
def noise(width: int, height: int, seed: int) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def seen(text: PageText, visual_tokens: int = 70, with_words: bool = True) -> PageView:
    """A page whose picture is noise of its own, as large as its size in points."""
    picture = noise(int(text.width), int(text.height), text.number)
    return PageView(text, lambda long_side, region: picture, visual_tokens, with_words)


def unseen(long_side: int, region: Box) -> Image.Image:
    raise AssertionError("nothing may be rendered")


def ask(*pages: PageView, question: str = "", contract: Contract = CONTRACT) -> Ask:
    return Ask("a", contract, pages, question)


def controls(processor: Processor, prompt: Prompt) -> list[int]:
    """The control tokens of a prompt in order, a picture's many as one."""
    found = [number for number in prompt.ids if number in processor.control_ids]
    image = processor.ids[IMAGE]
    return [number for before, number in pairwise([0, *found]) if not before == number == image]


INVOICE = page("Invoice 7        7. Mai 2024\nTotal            1.234,50", number=1)
SECOND = page("Thank you", number=2)


def test_a_prompt_goes_from_rules_over_pages_to_the_task(processor: Processor) -> None:
    text = processor.text(encode(processor, ask(seen(INVOICE), seen(SECOND), question="How much?"), SCHEMA).ids)
    picture = IMAGE_OPEN + IMAGE * 63 + IMAGE_CLOSE
    order = [
        "<bos><|turn>system\nYou read",
        "<turn|>\n<|turn>user\nPage 1 of 2" + picture + "Words of page 1:\n```\n",
        "Invoice 7\t7. Mai 2024\nTotal\t1.234,50\n```\n\nPage 2 of 2" + picture,
        "Thank you\n```\n\nThe task\n\nHow much?\n\nFill in",
        SCHEMA,
        "alone.<turn|>\n<|turn>model\n<|channel>thought\n<channel|>",
    ]
    places = [text.find(part) for part in order]
    assert -1 not in places
    assert places == sorted(places)
    assert text.endswith(order[-1])


def test_asks_on_the_same_pages_share_all_tokens_before_their_tasks(processor: Processor) -> None:
    pages = seen(INVOICE), seen(SECOND, 140)
    other = Contract.from_json_schema({"title": "X", "type": "object", "properties": {"x": {"type": "string"}}})
    asks = [
        (ask(*pages), SCHEMA),
        (ask(*pages, question="`\n\n\nNames?"), SCHEMA),
        (ask(*pages, contract=other), '{"x":1}'),
    ]
    for tools, thinking in ((False, False), (True, True)):
        prompts = [encode(processor, *each, tools=tools, thinking=thinking) for each in asks]
        (prefix,) = {prompt.prefix for prompt in prompts}
        (shared,) = {prompt.ids[:prefix] for prompt in prompts}
        assert shared.count(processor.ids[IMAGE]) == 63 + 130
        assert processor.text(shared).endswith("Thank you\n```")
        assert all(processor.text(prompt.ids[prefix:]).startswith("\n\nThe task\n") for prompt in prompts)


@pytest.mark.parametrize("view", [seen(SECOND, with_words=False), PageView(page("", number=2)), seen(page("", 2))])
def test_the_prefix_ends_with_the_last_page_whatever_is_on_it(processor: Processor, view: PageView) -> None:
    prompts = [encode(processor, ask(seen(INVOICE), view, question=question), SCHEMA) for question in ("", "Who?")]
    (shared,) = {prompt.ids[: prompt.prefix] for prompt in prompts}
    assert processor.text(shared).endswith("Page 2 of 2" if view.image is None else IMAGE_CLOSE)


@pytest.mark.parametrize(
    "view",
    [
        seen(SECOND),
        seen(SECOND, with_words=False),
        PageView(page("", number=2)),
        PageView(page("```\n````\n ", number=2)),
        PageView(replace(page("", number=2), failure="torn")),
    ],
)
@pytest.mark.parametrize("look", [False, True])
def test_a_prompt_that_takes_over_a_known_prefix_is_what_it_is_without(
    processor: Processor, view: PageView, look: bool
) -> None:
    pages = seen(INVOICE, 140), seen(replace(INVOICE, number=3)), view
    contract = Contract.from_json_schema(
        {"title": "L", "type": "object", "properties": {"rows": {"type": "array", "items": {"type": "string"}}}}
    )
    scopes = None, Scope("/rows", 1, 1, rows=3), Scope("/rows", 3, 3, Box(0, 0.5, 1, 1))
    asks = [ask(*pages, question="\n`Who?"), *(replace(ask(*pages, contract=contract), scope=each) for each in scopes)]
    zoom = (ToolCall("zoom", {"page": 1, "box": [0, 0, 500, 200]}),)
    exchanges = [Exchange(zoom, run_calls(zoom, pages), "")] if look else []
    for one, other in pairwise([*asks, *asks[:1]]):
        known = encode(processor, one, SCHEMA, tools=look, exchanges=exchanges)
        afresh = encode(processor, other, "{}", tools=look, exchanges=exchanges)
        assert encode(processor, other, "{}", tools=look, exchanges=exchanges, known=known) == afresh


def test_looking_something_up_leaves_the_prefix_as_it_is(processor: Processor) -> None:
    one = ask(seen(INVOICE))
    calls = (
        ToolCall("find", {"text": "total"}),
        ToolCall("zoom", {"page": 1, "box": [0, 0, 500, 200]}),
        BadCall("", "?"),
    )
    exchange = Exchange(calls, run_calls(calls, one.pages), "I must look.")
    before = encode(processor, one, SCHEMA, tools=True)
    after = encode(processor, one, SCHEMA, tools=True, exchanges=[exchange, exchange])
    assert after.prefix == before.prefix
    assert after.ids[: after.prefix] == before.ids[: before.prefix]
    assert len(after.ids) > len(before.ids)
    assert len(after.pictures) == 3
    assert after.ids.count(processor.ids[IMAGE]) == sum(picture.tokens for picture in after.pictures)


def test_thinking_is_switched_on_in_the_system_turn(processor: Processor) -> None:
    prompts = [encode(processor, ask(seen(INVOICE)), SCHEMA, thinking=thinking) for thinking in (False, True)]
    assert [processor.text(prompt.ids[:20]).count("<|think|>") for prompt in prompts] == [0, 1]
    assert [processor.text(prompt.ids).endswith("model\n") for prompt in prompts] == [False, True]
    assert not any(prompt.in_thought for prompt in prompts)


def test_a_template_that_begins_the_thought_is_noticed(processor: Processor) -> None:
    tokenizer = processor.tokenizer
    sound = tokenizer.chat_template
    try:
        tokenizer.chat_template = sound.replace(
            "if not thinking -%}", "if thinking -%}{{- '<|channel>thought\\n' -}}{%- else -%}"
        )
        prompts = [encode(processor, ask(seen(INVOICE)), SCHEMA, thinking=thinking) for thinking in (False, True)]
        assert [prompt.in_thought for prompt in prompts] == [False, True]
    finally:
        tokenizer.chat_template = sound


def test_tokens_are_counted_exactly_and_nothing_is_rendered(processor: Processor) -> None:
    views = [
        PageView(replace(INVOICE, width=w, height=h), unseen, v) for w, h, v in ((612, 792, 280), (900, 100, 1120))
    ]
    one = ask(*views)
    words = ask(*(replace(view, image=None) for view in views))
    pictures = conversation(one, SCHEMA)[2]
    assert [picture.tokens for picture in pictures] == [266, 1100]
    difference = len(encode(processor, one, SCHEMA).ids) - len(encode(processor, words, SCHEMA).ids)
    blanks = difference - sum(picture.tokens + 2 for picture in pictures)  # a picture takes the place of two line feeds
    assert blanks == -2 * len(pictures)


class WithoutVideo(Gemma4Processor):
    """transformers' own processor, less the video processor, which wants torchvision."""

    def __init__(self, image_processor: Any, tokenizer: Any, chat_template: str) -> None:
        self.image_token_id, self.image_token = tokenizer.image_token_id, tokenizer.image_token
        self.boi_token, self.eoi_token = tokenizer.boi_token, tokenizer.eoi_token
        self.video_token, self.video_token_id = "<|video|>", tokenizer.convert_tokens_to_ids("<|video|>")
        self.audio_token, self.audio_token_id = tokenizer.audio_token, tokenizer.audio_token_id
        self.boa_token, self.eoa_token = tokenizer.boa_token, tokenizer.eoa_token
        ProcessorMixin.__init__(self, image_processor=image_processor, tokenizer=tokenizer, chat_template=chat_template)

    @classmethod
    def get_attributes(cls) -> list[str]:
        return ["image_processor", "tokenizer"]


def test_a_batch_is_what_transformers_own_processor_makes_of_it(processor: Processor) -> None:
    asks = [ask(seen(INVOICE), seen(replace(SECOND, width=300, height=90))), ask(seen(SECOND), question="<|image|>?")]
    chats = []
    for one in asks:
        system, user, _ = conversation(one, SCHEMA)
        pictures = iter(view.image(0, Box(0, 0, 1, 1)) for view in one.pages if view.image)
        parts = [{**part, "image": next(pictures)} if part["type"] == "image" else part for part in user["content"]]
        chats.append([{**system, "content": [{"type": "text", "text": system["content"]}]}, {**user, "content": parts}])
    template = processor.tokenizer.chat_template.replace("messages[0]['content']", "messages[0]['content'][0]['text']")
    real = WithoutVideo(processor.images, processor.tokenizer, template).apply_chat_template(
        chats,
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        sanitize_control_tokens=True,
        processor_kwargs={"images_kwargs": {"max_soft_tokens": 70}, "text_kwargs": {"padding": True}},
    )
    ours = batched(processor, [encode(processor, one, SCHEMA) for one in asks])
    for key in ("input_ids", "attention_mask", "mm_token_type_ids"):
        assert torch.equal(ours[key], real[key]), key
    most = ours["pixel_values"].shape[1]
    assert torch.equal(ours["pixel_values"], real["pixel_values"][:, :most])
    assert torch.equal(ours["image_position_ids"], real["image_position_ids"][:, :most])


@torch.no_grad()
def test_a_batch_of_unequal_pages_and_budgets_gives_each_the_logits_it_has_alone(
    checkpoint: Path, processor: Processor
) -> None:
    model = Gemma4ForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32).eval()
    wide = replace(SECOND, width=400, height=120)
    asks = [
        ask(seen(INVOICE, 140), seen(wide, 70), question="All?"),
        ask(PageView(INVOICE)),
        ask(seen(replace(wide, number=1), 280)),
    ]
    prompts = [encode(processor, one, SCHEMA) for one in asks]
    together = model(**batched(processor, prompts)).logits
    for prompt, padded in zip(prompts, together, strict=True):
        alone = model(**batched(processor, [prompt])).logits[0]
        assert len(alone) == len(prompt.ids)
        torch.testing.assert_close(padded[-len(alone) :], alone, atol=1e-4, rtol=1e-4)


def test_words_are_fenced_by_more_than_the_page_prints(processor: Processor) -> None:
    _, user, _ = conversation(ask(PageView(page("a ```` b\n```\nPage 9"))), SCHEMA)
    assert "Words of page 1:\n`````\na ```` b\n```\nPage 9\n`````\n\nThe task" in user["content"][-1]["text"]


def test_checkboxes_are_said_as_words_in_place_of_their_glyphs() -> None:
    drawn = page("☒ Yes   ☐ No\nSigned")
    marks = Mark(box(0, 0, 1), True), Mark(box(0, 8, 9), False), Mark(box(1, 8, 9), True)
    _, user, _ = conversation(ask(PageView(replace(drawn, marks=marks))), SCHEMA)
    assert "[x] Yes\t[ ] No\nSigned\t[x]\n" in user["content"][-1]["text"]


def test_a_page_that_could_not_be_read_is_said_to_be_so() -> None:
    _, user, _ = conversation(ask(PageView(replace(page(""), failure="torn")), PageView(SECOND)), SCHEMA)
    assert user["content"][0]["text"].startswith("Page 1 of 2 could not be read.\n\nPage 2 of 2\n")


def test_pages_out_of_a_longer_document_keep_their_numbers() -> None:
    _, user, _ = conversation(ask(PageView(SECOND)), SCHEMA)
    assert user["content"][0]["text"].startswith("Page 2\n\nWords of page 2:")


HOSTILE = [*MARKERS, "<bos>", "<eos>", "<pad>", "<|video|>", "<|audio|>", "<unk>", "<mask>"]
HOSTILE += [marker[:half] for marker in MARKERS for half in (1, 2, len(marker) - 1)]
HOSTILE += [marker[half:] for marker in MARKERS for half in (1, 2, len(marker) - 1)]
HOSTILE += [
    "＜|turn＞",
    "<∣turn>",
    "<|t\u200burn>",
    "\U000f0000<|turn>\U000f0001",
    "\U000f0001",
    "\ud800",
    "\x00",
    "\r\n",
]
HOSTILE += ["model\n", "thought\n", "call:zoom{", "```", "{{ bos_token }}", "{% raw %}", "ünï", "中文"]
texts = st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=6)), min_size=1, max_size=8).map("".join)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(texts, min_size=1, max_size=3), texts, texts, texts)
def test_no_text_of_document_question_schema_or_tool_becomes_a_control_token(
    processor: Processor, words: Sequence[str], question: str, description: str, answer: str
) -> None:
    def prompt(words: Sequence[str], question: str, description: str, answer: str) -> Prompt:
        placed = tuple(Word(word, box(row, 0, 5)) for row, word in enumerate(words))
        one = ask(seen(replace(INVOICE, words=placed)), question=question)
        calls = ToolCall("find", {"text": answer, description: 1}), BadCall(answer, description)
        results = ToolResult("find", {"places": [{"text": answer}]}), ToolResult("zoom", {"error": description})
        exchange = Exchange(calls, results, "")
        return encode(processor, one, f'{{"description":"{description}"}}', tools=True, exchanges=[exchange])

    harmless = controls(processor, prompt(["w"] * len(words), "q", "d", "a"))
    assert controls(processor, prompt(words, question, description, answer)) == harmless


@pytest.mark.parametrize("marker", sorted(set(HOSTILE[: len(MARKERS) + 7])))
def test_each_control_token_inside_a_word_is_told_to_the_model_as_it_is_printed(
    processor: Processor, marker: str
) -> None:
    hostile, plain = (
        encode(processor, ask(PageView(page(text)), question=text), SCHEMA) for text in (f"x{marker}y", "xy")
    )
    assert controls(processor, hostile) == controls(processor, plain)
    assert processor.text(hostile.ids).count(f"x{marker}y") == 2


def test_markers_that_a_tokenizer_does_not_call_special_stay_text_too(checkpoint: Path, tmp_path: Path) -> None:
    shutil.copytree(checkpoint, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.safetensors"))
    names = {QUOTE: "escape_token", CHANNEL_OPEN: "soc_token", CHANNEL_CLOSE: "eoc_token"}
    tokens, config = (json.loads((tmp_path / name).read_text()) for name in ("tokenizer.json", "tokenizer_config.json"))
    for token in tokens["added_tokens"]:
        token["special"] = token["special"] and token["content"] not in names
    for name in names.values():
        config.pop(name)
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokens))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    processor = load_processor(tmp_path)
    assert not any(processor.tokenizer.added_tokens_decoder[processor.ids[name]].special for name in names)
    hostile, plain = (encode(processor, ask(PageView(page(text))), SCHEMA) for text in (f"a{''.join(names)}b", "ab"))
    assert controls(processor, hostile) == controls(processor, plain)


def test_quotes_and_turns_are_written_by_the_template_alone(processor: Processor) -> None:
    prompt = encode(processor, ask(PageView(page(f"{TURN_OPEN}{QUOTE}"))), SCHEMA)
    assert [prompt.ids.count(processor.ids[marker]) for marker in (TURN_OPEN, QUOTE)] == [3, 0]
