"""Calls in Gemma's own format, and what they may do: look at the ask's own pages, and nothing else."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from model.engine import PageView
from model.gemma.calls import BadCall, ToolCall, read_calls
from model.gemma.processor import QUOTE, Processor, load_processor
from model.gemma.tools import (
    DECLARATIONS,
    LEAST_SIDE,
    MAX_CALLS,
    MAX_PLACES,
    ZOOM_TOKENS,
    Exchange,
    ToolResult,
    run_calls,
)
from model.pictures import fitted
from schemas.page import Box, PageText, Word
from tests.pages import box, page
from tests.tiny_gemma import _save_processor, tiny_tokenizer


@pytest.fixture(scope="module")
def processor(tmp_path_factory: pytest.TempPathFactory) -> Processor:
    folder: Path = tmp_path_factory.mktemp("tokenizer")
    _save_processor(folder, tiny_tokenizer())
    return load_processor(folder)


def in_full(processor: Processor, name: str, arguments: dict[str, Any]) -> str:
    """The call as the chat template writes it."""
    call = {"type": "function", "function": {"name": name, "arguments": arguments}}
    messages = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "", "tool_calls": [call]}]
    return str(processor.tokenizer.apply_chat_template(messages, tokenize=False))


keys = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,8}", fullmatch=True)
strings = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).filter(lambda text: QUOTE not in text)
strings = strings | st.sampled_from(
    ["<tool_call|>", "<|tool_call>call:x{", "}", "],", "a:b", " x ", '"', "<|", "null", ""]
)
numbers = st.integers(-(10**15), 10**15) | st.floats(allow_nan=False, allow_infinity=False, width=32)
values = st.recursive(
    strings | numbers | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys, st.dictionaries(keys, values, max_size=4))
def test_what_the_template_writes_is_read_back(processor: Processor, name: str, arguments: dict[str, Any]) -> None:
    assert read_calls(in_full(processor, name, arguments)) == (ToolCall(name, arguments),)


@pytest.mark.parametrize(
    ("written", "call"),
    [
        ('call:find{text:<|"|>VAT<|"|>}', ToolCall("find", {"text": "VAT"})),
        (" call: zoom { box : [ 0, 0.5, 1e2 ] , page : 3 } ", ToolCall("zoom", {"box": [0, 0.5, 100.0], "page": 3})),
        ("call:find{text:Total amount}", ToolCall("find", {"text": "Total amount"})),
        ('call:find{<|"|>text<|"|>:<|"|>a<|"|>}', ToolCall("find", {"text": "a"})),
        ("call:zoom{}", ToolCall("zoom", {})),
        ("call:x{a:True,b:None,c:-7}", ToolCall("x", {"a": True, "b": None, "c": -7})),
        ("", BadCall("", "a call begins with `call:` and the tool's name")),
        ("zoom{}", BadCall("", "a call begins with `call:` and the tool's name")),
        ("call:zoom", BadCall("zoom", "`{` is expected before '<tool_call|>'")),
        ("call:zoom(page=3)", BadCall("zoom", "`{` is expected before '(page=3)<too'")),
        ("call:zoom{page:}", BadCall("zoom", "an argument has no value")),
        ("call:zoom{page}", BadCall("zoom", "an argument is a name, a colon and a value")),
        ("call:zoom{page:3 box:4", BadCall("zoom", "`}` is expected before '<tool_call|>'")),
        ("call:zoom{box:[1,2}", BadCall("zoom", "`]` is expected before '}<tool_call|'")),
        ("call:zoom{page:3}}", BadCall("zoom", "`<tool_call|>` is expected before '}<tool_call|'")),
        ('call:find{text:<|"|>VAT}', BadCall("find", 'a text ends with `<|"|>`')),
        ("call:x{a:" + "[" * 40, BadCall("x", "lists and maps are nested more than 16 deep")),
    ],
)
def test_calls_are_read_or_said_to_be_wrong(written: str, call: ToolCall | BadCall) -> None:
    assert read_calls(f"<|tool_call>{written}<tool_call|>") == (call,)


def test_several_calls_are_read_up_to_one_that_is_cut_off() -> None:
    written = "<|tool_call>call:a{}<tool_call|>, then <|tool_call>call:b{n:1}<tool_call|><|tool_call>call:c{n:1"
    assert read_calls(written) == (ToolCall("a", {}), ToolCall("b", {"n": 1}), BadCall("c", "it ends before its `}`"))


def test_a_reply_without_calls_has_none() -> None:
    assert read_calls('{"call":"call:zoom{}"}') == ()


@given(
    st.lists(
        st.sampled_from(["<|tool_call>", "<tool_call|>", "call:", "zoom", *"{}[]:,-.e7 ", QUOTE, "<"]), max_size=24
    )
)
def test_whatever_a_model_writes_is_read_without_an_error(pieces: list[str]) -> None:
    written = "".join(pieces)
    assert len(read_calls(written)) <= written.count("<|tool_call>")


def test_nesting_without_end_is_refused_at_once() -> None:
    (call,) = read_calls("<|tool_call>call:x{a:" + "[{a:" * 100_000)
    assert isinstance(call, BadCall)


BILL = page("Invoice  4711\nTotal amount due:\nTotal     1.234,50 EUR\nRe-\nference INV-9", number=3)
LETTER = page("Dear customer, the total is due", number=4)


def drawn(text: PageText) -> PageView:
    return PageView(
        text, lambda long_side, region: Image.new("RGB", (long_side, long_side), (len(text.words), 0, 0)), 70
    )


PAGES = drawn(BILL), PageView(LETTER)


def run(name: str, **arguments: Any) -> ToolResult:
    (result,) = run_calls([ToolCall(name, arguments)], PAGES)
    return result


def places(text: str) -> list[tuple[int, str]]:
    return [(place["page"], place["text"]) for place in run("find", text=text).response["places"]]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("total", [(3, "Total"), (3, "Total"), (4, "total")]),
        ("TOTAL  Amount", [(3, "Total amount")]),
        ("reference inv9", [(3, "Re- ference INV-9")]),
        ("1.234,50 eur", [(3, "1.234,50 EUR")]),
        ("total arnount due", [(3, "Total amount due:")]),
        ("471", [(3, "4711")]),
        ("absent thing", []),
    ],
)
def test_find_gives_every_place_whatever_its_case_and_spaces(text: str, found: list[tuple[int, str]]) -> None:
    assert places(text) == found


def test_a_place_is_a_page_and_a_box_in_thousandths_that_zoom_takes() -> None:
    (place,) = run("find", text="4711").response["places"]
    assert place["box"] == [round(side * 1000) for side in box(0, 9, 13)]
    assert run("zoom", page=place["page"], box=place["box"]).picture is not None


def test_find_names_a_bounded_number_of_places() -> None:
    many = PageText(1, 612, 792, tuple(Word("tax", box(row, 0, 3)) for row in range(50)))
    (result,) = run_calls([ToolCall("find", {"text": "tax"})], [PageView(many)])
    assert len(result.response["places"]) == MAX_PLACES
    assert result.response["note"] == f"{50 - MAX_PLACES} more places are left out."


def test_zoom_shows_a_region_of_the_page_at_its_own_budget() -> None:
    result = run("zoom", page=3, box=[0, 0, 500, 250])
    assert result.picture is not None
    assert result.picture.region == Box(0, 0, 0.5, 0.25)
    assert (result.picture.width, result.picture.height) == fitted(306, 198, ZOOM_TOKENS)
    assert result.picture.render().getpixel((0, 0)) == (len(BILL.words), 0, 0)
    assert result.caption == "Page 3, region [0, 0, 500, 250]"


@pytest.mark.parametrize(
    ("given_", "region"),
    [
        ([0, 0, 1, 0.5], Box(0, 0, 1, 0.5)),
        ([-50, 0, 2000, 1000], Box(0, 0, 1, 1)),
        ([500, 500, 501, 900], Box(0.5005 - LEAST_SIDE / 2, 0.5, 0.5005 + LEAST_SIDE / 2, 0.9)),
        ([0, 999, 1000, 1000], Box(0, 1 - LEAST_SIDE, 1, 1)),
    ],
)
def test_regions_are_kept_on_the_page_and_never_too_small(given_: list[float], region: Box) -> None:
    picture = run("zoom", page=3, box=given_).picture
    assert picture is not None
    assert picture.region == pytest.approx(region)


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("zoom", {"page": 9, "box": [0, 0, 9, 9]}, "There is no page 9, only 3 to 4."),
        ("zoom", {"page": "../etc", "box": [0, 0, 9, 9]}, "There is no page"),
        ("zoom", {"page": 4, "box": [0, 0, 9, 9]}, "has no picture"),
        ("zoom", {"page": 3}, "lacks box"),
        ("zoom", {}, "lacks page and box"),
        ("zoom", {"page": 3, "box": [1, 2, 3]}, "box must be"),
        ("zoom", {"page": 3, "box": [9, 0, 3, 5]}, "left before right"),
        ("zoom", {"page": 3, "box": [0, 0, 0, 0]}, "box must be"),
        ("zoom", {"page": 3, "box": ["a", 0, 3, 5]}, "box must be"),
        ("zoom", {"page": 3, "box": {"a": 1}}, "box must be"),
        ("find", {"text": "!?"}, "a letter or a digit"),
        ("find", {"text": None}, "lacks text"),
        ("fetch", {"url": "x"}, "There are: zoom, find."),
    ],
)
def test_a_wrong_call_is_answered_with_what_is_wrong(name: str, arguments: dict[str, Any], says: str) -> None:
    result = run(name, **arguments)
    assert says in result.response["error"]
    assert result.picture is None


def test_calls_beyond_the_limit_are_not_carried_out() -> None:
    calls = [ToolCall("find", {"text": "total"})] * 3
    results = run_calls(calls, PAGES, made=MAX_CALLS - 2)
    assert ["places" in result.response for result in results] == [True, True, False]
    assert "No more calls" in results[-1].response["error"]


def test_an_exchange_is_written_as_the_template_wants_it() -> None:
    calls = ToolCall("zoom", {"page": 3, "box": [0, 0, 500, 250], "<|turn>": "x"}), BadCall("", "it ends")
    turn, shown = Exchange(calls, run_calls(calls, PAGES), "Small print.").messages()
    assert [call["function"] for call in turn["tool_calls"]] == [
        {"name": "zoom", "arguments": {"page": 3, "box": [0, 0, 500, 250]}},
        {"name": "unknown", "arguments": {}},
    ]
    assert [response["name"] for response in turn["tool_responses"]] == ["zoom", "unknown"]
    assert turn["tool_responses"][1]["response"] == {"error": "The call cannot be read: it ends."}
    assert turn["reasoning_content"] == "Small print."
    assert [part["type"] for part in shown["content"]] == ["text", "image"]


def test_an_exchange_without_pictures_leaves_the_models_turn_open() -> None:
    calls = (ToolCall("find", {"text": "total"}),)
    (turn,) = Exchange(calls, run_calls(calls, PAGES)).messages()
    assert turn["content"] == ""


def test_every_tool_that_is_declared_can_be_called() -> None:
    right = {"zoom": {"page": 3, "box": [0, 0, 500, 250]}, "find": {"text": "total"}}
    assert {tool["function"]["name"] for tool in DECLARATIONS} == set(right)
    assert not any("error" in run(name, **arguments).response for name, arguments in right.items())
