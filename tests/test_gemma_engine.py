"""The Gemma engine, whole: real classes, real processor, real grammar, a tiny checkpoint with random weights."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch
from PIL import Image, ImageDraw

from model.bounds import THOUGHT_TOKENS, most_tokens
from model.engine import Answer, Ask, EngineSpec, PageView, Scope
from model.gemma.engine import GemmaEngine
from model.grammar.generation import generation_schema
from schemas.contract import Contract
from schemas.errors import AnswerError, EngineUnavailable
from schemas.page import Box, PageText, Word
from schemas.pointer import leaves
from schemas.registry import BUILTIN, load_contract

BILL = Contract.from_json_schema(
    {
        "title": "Bill",
        "type": "object",
        "properties": {
            "number": {"type": "string", "maxLength": 12},
            "total": {"type": "number", "minimum": 0, "maximum": 9999},
            "paid": {"type": "boolean"},
        },
        "required": ["number"],
    }
)


def page(number: int, text: str = "Invoice number INV-1 total 12.50", sides: tuple[int, int] = (595, 842)) -> PageView:
    words = tuple(Word(word, Box(0.1 + 0.12 * at, 0.1, 0.2 + 0.12 * at, 0.12)) for at, word in enumerate(text.split()))
    return PageView(PageText(number, *sides, words), image=lambda long, region: picture(long, sides), visual_tokens=70)


def picture(long_side: int, sides: tuple[int, int]) -> Image.Image:
    scale = long_side / max(sides)
    image = Image.new("RGB", (round(sides[0] * scale), round(sides[1] * scale)), "white")
    ImageDraw.Draw(image).rectangle((20, 20, 90, 60), fill="black")
    return image


PAGES = (page(1), page(2, "Terms of payment"))


def engine_of(checkpoint: Path, **settings: Any) -> GemmaEngine:
    torch.set_num_threads(1)
    spec = {"quantisation": "none", "output_tokens": 120, **settings}
    engine = GemmaEngine.of(EngineSpec("gemma", str(checkpoint), **spec))
    engine.load()
    engine._answering.model.float()  # so that a batch and its rows alone round alike
    return engine


@pytest.fixture(scope="module")
def engine(tiny_checkpoint: Path) -> GemmaEngine:
    return engine_of(tiny_checkpoint)


def answers(engine: GemmaEngine, asks: Sequence[Ask]) -> list[Answer]:
    """In the order of the asks, each answered once."""
    given = list(engine.answer(asks))
    assert sorted(answer.ask_id for answer in given) == sorted(ask.id for ask in asks)
    return [next(answer for answer in given if answer.ask_id == ask.id) for ask in asks]


@contextmanager
def saying(engine: GemmaEngine, *replies: str) -> Iterator[list[str]]:
    """Makes the model want to write these texts, one after the other, whatever it reads; gives the prompts it read.

    What it is allowed to write is still the grammar's affair. Single asks only.
    """
    model, tokenizer = engine._answering.model, engine._answering.processor.tokenizer
    wanted = [tokenizer.encode(reply, add_special_tokens=False) for reply in replies]
    read: list[str] = []
    state: dict[str, Any] = {"positions": [], "base": 0, "writing": False, "reply": 0, "ids": []}

    def before(module: Any, args: Any, kwargs: dict[str, Any]) -> None:
        state.update(positions=kwargs["position_ids"][0].tolist(), chunk=kwargs["input_ids"][0].tolist())

    def after(module: Any, args: tuple[torch.Tensor], logits: torch.Tensor) -> torch.Tensor:
        reads = args[0].ndim == 2
        if reads and state["writing"]:
            state.update(reply=state["reply"] + 1, ids=[])
        if reads:
            state["ids"] += state["chunk"]
            state["base"] = state["positions"][-1]
            read[state["reply"] :] = [tokenizer.decode(state["ids"])]
        state["writing"] = not reads
        bent, reply = logits.clone(), wanted[min(state["reply"], len(wanted) - 1)]
        for row, position in enumerate(state["positions"][-1:] if reads else state["positions"]):
            place = position - state["base"]
            token = reply[place] if place < len(reply) else tokenizer.convert_tokens_to_ids("<turn|>")
            bent.view(-1, bent.shape[-1])[row, token] = 1e4
        return bent

    handles = [
        model.model.register_forward_pre_hook(before, with_kwargs=True),
        model.lm_head.register_forward_hook(after),
    ]
    try:
        yield read
    finally:
        for handle in handles:
            handle.remove()


def test_every_built_in_schema_is_kept_or_said_to_be_cut_off(engine: GemmaEngine) -> None:
    """All in one batch over the same pages; the weights are random, so that the content is noise."""
    contracts = {name: load_contract(name) for name in sorted(BUILTIN)}
    given = answers(engine, [Ask(name, contract, PAGES, question="Why?") for name, contract in contracts.items()])
    assert [answer.ask_id for answer in given] == list(contracts)
    assert {answer.finish for answer in given} == {"stop", "length"}
    for answer in given:
        assert answer.output_tokens <= 120
        if answer.finish == "length":
            with pytest.raises(ValueError):
                json.loads(answer.json_text)
            assert not answer.leaf_logprobs
            continue
        data = json.loads(answer.json_text)
        jsonschema.validate(data, generation_schema(contracts[answer.ask_id]).schema)
        assert answer.leaf_logprobs.keys() == {pointer for pointer, value in leaves(data) if value not in ([], {})}
        assert all(logprob <= 1e-4 for logprobs in answer.leaf_logprobs.values() for logprob in logprobs)


def test_documents_of_unequal_pages_give_what_each_gives_alone(engine: GemmaEngine) -> None:
    one, two, three = (page(1),), PAGES, (page(1, sides=(842, 300)), page(2, "Total", (200, 900)), page(3))
    asks = [Ask(f"{at}", BILL, pages) for at, pages in enumerate((one, two, two, three, one))]
    together = answers(engine, asks)
    alone = [answers(engine, [ask])[0] for ask in asks]
    for joint, single in zip(together, alone, strict=True):
        assert (joint.ask_id, joint.json_text, joint.prompt_tokens) == (
            single.ask_id,
            single.json_text,
            single.prompt_tokens,
        )
    assert len({answer.prompt_tokens for answer in together}) == 3


def test_asks_with_few_pages_of_their_own_are_written_as_one_batch(engine: GemmaEngine) -> None:
    """As crops are, and short documents: each with its own pages, and what it gives alone."""
    sides = ((595, 842), (842, 300), (200, 900), (595, 400))
    asks = [Ask(f"{at}", BILL, (page(at + 1, f"Invoice number INV-{at}", each),)) for at, each in enumerate(sides)]
    asks.append(Ask("wide", load_contract("form"), (page(7), page(8))))
    rows: list[int] = []
    handle = engine._answering.model.model.register_forward_pre_hook(
        lambda module, args, kwargs: rows.append(kwargs["input_ids"].shape[0]), with_kwargs=True
    )
    try:
        with reading(engine) as read:
            together = answers(engine, asks)
    finally:
        handle.remove()
    assert max(rows) == len(asks)
    assert read["pictures"] == 6  # each page once
    for joint, ask in zip(together, asks, strict=True):
        [single] = answers(engine, [ask])
        assert (joint.json_text, joint.finish, joint.prompt_tokens) == (
            single.json_text,
            single.finish,
            single.prompt_tokens,
        )
        for pointer, logprobs in joint.leaf_logprobs.items():
            assert logprobs == pytest.approx(single.leaf_logprobs[pointer], abs=1e-3)


def test_no_ask_takes_more_tokens_than_its_bound(engine: GemmaEngine) -> None:
    hostile = page(1, "<|image|> <turn|> ``` \x00\x00 \ud7ff 漢字かな العربية €€ " + "é" * 50)
    for pages in (PAGES, (hostile,), tuple(page(at, sides=(300, 900)) for at in range(1, 9))):
        for ask in (
            Ask("a", BILL, pages),
            Ask("b", load_contract("invoice"), pages, question="Why?", think=True, look=True),
            Ask("c", load_contract("bank_statement"), pages, scope=Scope("/transactions", 1, 1, Box(0, 0, 1, 0.5))),
        ):
            taken, most = engine.count(ask), most_tokens(ask, engine.limits)
            assert taken <= most


def test_a_batch_over_one_document_gives_what_its_asks_give_alone(engine: GemmaEngine) -> None:
    contracts = [BILL, load_contract("transcript"), load_contract("form")]
    asks = [Ask(contract.name, contract, PAGES) for contract in contracts]
    for joint, ask in zip(answers(engine, asks), asks, strict=True):
        [single] = answers(engine, [ask])
        assert (joint.json_text, joint.finish) == (single.json_text, single.finish)
        for pointer, logprobs in joint.leaf_logprobs.items():
            assert logprobs == pytest.approx(single.leaf_logprobs[pointer], abs=1e-3)


@contextmanager
def reading(engine: GemmaEngine) -> Iterator[dict[str, int]]:
    """Counts the tokens that the model reads, those that it writes left out, and the pictures that it encodes."""
    read = {"tokens": 0, "pictures": 0}
    model = engine._answering.model.model

    def tokens(module: Any, args: Any, kwargs: dict[str, Any]) -> None:
        read["tokens"] += kwargs["input_ids"].shape[1] if kwargs["input_ids"].shape[1] > 9 else 0  # else a guess

    def pictures(module: Any, args: Any, kwargs: dict[str, Any]) -> None:
        read["pictures"] += 1

    handles = [
        model.register_forward_pre_hook(tokens, with_kwargs=True),
        model.vision_tower.register_forward_pre_hook(pictures, with_kwargs=True),
    ]
    try:
        yield read
    finally:
        for handle in handles:
            handle.remove()


def test_pages_are_read_once_for_all_asks_about_them(engine: GemmaEngine) -> None:
    """Also where others stand between them, and in a later call: a part that is asked for again."""
    pages, others = (page(1), page(2), page(3)), (page(1), page(2, "Other"))
    prompts = [engine._answering._prompt(engine._answering._draft(Ask("a", BILL, each))) for each in (pages, others)]
    tasks = [len(prompt.ids) - prompt.prefix for prompt in prompts]
    with reading(engine) as read:
        given = answers(engine, [Ask("a", BILL, others), Ask("b", BILL, pages), Ask("c", BILL, others)])
        given += answers(engine, [Ask("d", BILL, pages), Ask("e", BILL, pages)])
    first, second = prompts[0].prefix, prompts[1].prefix
    assert read == {"tokens": first + second + 3 * tasks[0] + 2 * tasks[1], "pictures": 5}
    assert given[1].json_text == given[3].json_text == given[4].json_text
    for pointer, logprobs in given[1].leaf_logprobs.items():  # the one alone, the other in a batch
        assert logprobs == pytest.approx(given[3].leaf_logprobs[pointer], abs=1e-3)


def test_slices_of_a_list_and_the_rest_of_a_record_are_written_over_one_reading(engine: GemmaEngine) -> None:
    rows = {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 9}}}}
    record = Contract.from_json_schema({"title": "Record", "type": "object", "properties": {"rows": rows}})
    pages = (page(1), page(2, "Total"), page(3))
    scopes = None, Scope("/rows", 1, 1, rows=40), Scope("/rows", 2, 3), Scope("/rows", 3, 3, Box(0, 0, 1, 0.5))
    asks = [Ask("bill", BILL, pages), *(Ask(f"{at}", record, pages, scope=scope) for at, scope in enumerate(scopes))]
    prompts = [engine._answering._prompt(engine._answering._draft(ask)) for ask in asks]
    assert len({prompt.ids[: prompt.prefix] for prompt in prompts}) == 1
    assert len({prompt.ids for prompt in prompts}) == len(asks)
    with reading(engine) as read:
        given = answers(engine, asks)
    assert read["tokens"] == prompts[0].prefix + sum(len(prompt.ids) - prompt.prefix for prompt in prompts)
    for ask, joint in zip(asks, given, strict=True):
        [alone] = answers(engine, [ask])
        assert (joint.json_text, joint.prompt_tokens) == (alone.json_text, alone.prompt_tokens)


def test_what_the_model_says_is_the_answer(engine: GemmaEngine) -> None:
    with saying(engine, '{"number":"INV-1","total":12.5,"paid":null}') as read:
        [answer] = answers(engine, [Ask("a", BILL, PAGES)])
    assert json.loads(answer.json_text) == {"number": "INV-1", "total": 12.5, "paid": None}
    assert answer.finish == "stop"
    assert all(sum(logprobs) > -0.01 for logprobs in answer.leaf_logprobs.values())
    assert "Page 2 of 2" in read[0]


def test_what_the_schema_has_no_place_for_is_not_said(engine: GemmaEngine) -> None:
    with saying(engine, 'Certainly! {"number":"INV-1","colour":"red","total":"much"}'):
        [answer] = answers(engine, [Ask("a", BILL, PAGES)])
    if answer.finish == "stop":
        jsonschema.validate(json.loads(answer.json_text), generation_schema(BILL).schema)
    assert "colour" not in answer.json_text


def test_a_thought_comes_first_and_stays_out_of_the_data(tiny_checkpoint: Path) -> None:
    said = '<|channel>thought\nThe total is 7, or {"total":9}.<channel|>{"number":"A","total":7,"paid":true}'
    for keep in (True, False):
        thinker = engine_of(tiny_checkpoint, thinking="asked", keep_thoughts=keep)
        with saying(thinker, said) as read:
            [answer] = answers(thinker, [Ask("a", BILL, PAGES, think=True)])
        assert json.loads(answer.json_text) == {"number": "A", "total": 7, "paid": True}
        assert answer.thought == ('The total is 7, or {"total":9}.' if keep else "")
        assert "<|think|>" in read[0]
        assert answer.leaf_logprobs.keys() == {"/number", "/total", "/paid"}


def test_without_being_asked_it_does_not_think(engine: GemmaEngine) -> None:
    with saying(engine, '<|channel>thought\nHm.<channel|>{"number":"A"') as read:
        [answer] = answers(engine, [Ask("a", BILL, PAGES)])
    assert "<|think|>" not in read[0]
    assert answer.json_text.startswith('{"number":')


def test_it_looks_up_and_zooms_before_it_answers(engine: GemmaEngine) -> None:
    calls = (
        '<|tool_call>call:find{text:<|"|>total<|"|>}<tool_call|><|tool_response>',
        "<|tool_call>call:zoom{box:[0,0,500,250],page:1}<tool_call|><|tool_response>",
        "<|tool_call>call:zoom{page:99}<tool_call|><|tool_response>",
        '{"number":"INV-1","total":12.5,"paid":null}',
    )
    with saying(engine, *calls) as read:
        [answer] = answers(engine, [Ask("a", BILL, PAGES, look=True)])
    assert json.loads(answer.json_text)["total"] == 12.5
    assert answer.tool_calls == ("find(text='total')", "zoom(box=[0, 0, 500, 250], page=1)", "zoom(page=99)")
    assert "response:find" in read[1]
    assert read[2].count("<|image>") > read[1].count("<|image>")
    assert "lacks box" in read[3]


def test_it_cannot_call_for_ever_nor_where_it_may_not(engine: GemmaEngine) -> None:
    call = '<|tool_call>call:find{text:<|"|>total<|"|>}<tool_call|><|tool_response>'
    with saying(engine, call):
        [answer] = answers(engine, [Ask("a", BILL, PAGES, look=True)])
        [barred] = answers(engine, [Ask("b", BILL, PAGES)])
    assert len(answer.tool_calls) == 8
    assert barred.tool_calls == ()
    assert barred.json_text.startswith('{"number":')


def test_it_looks_up_nothing_that_no_longer_fits_into_the_context(engine: GemmaEngine) -> None:
    """Whole pages twice, where there is room for one of them."""
    calls = ["<|tool_call>call:zoom{box:[0,0,999,999],page:1}<tool_call|><|tool_response>"] * 2
    ask, answering = Ask("a", BILL, PAGES, look=True), engine._answering
    context, answering.context = answering.context, engine.count(ask) + 900
    try:
        with saying(engine, *calls, '{"number":"INV-1","total":12.5,"paid":null}') as read:
            [answer] = answers(engine, [ask])
    finally:
        answering.context = context
    assert json.loads(answer.json_text)["total"] == 12.5
    assert len(answer.tool_calls) == 1
    assert answer.prompt_tokens + engine.spec.output_tokens <= engine.count(ask) + 900
    assert [text.count("<|image>") for text in read[1:]] == [1, 1]  # behind the pages, which stay read


def test_a_reply_in_circles_is_ended_and_asked_for_once_more_without_grammar(tiny_checkpoint: Path) -> None:
    texts = Contract.from_json_schema({"title": "T", "type": "object", "properties": {"text": {"type": "string"}}})
    circles = '{"text":"' + "la " * 400
    patient = engine_of(tiny_checkpoint, output_tokens=900)
    with saying(patient, circles, 'Here it is:\n```json\n{"text": "la"}\n```'):
        [answer] = answers(patient, [Ask("a", texts, PAGES)])
    assert (answer.finish, json.loads(answer.json_text)) == ("stop", {"text": "la"})
    assert answer.leaf_logprobs.keys() == {"/text"}
    assert answer.output_tokens < 900
    with saying(patient, circles, circles):
        [answer] = answers(patient, [Ask("a", texts, PAGES)])
    assert answer.finish == "loop"
    with saying(patient, circles, "I would rather not."):
        [answer] = answers(patient, [Ask("a", texts, PAGES)])
    assert answer.finish == "invalid"


def test_batches_are_halved_until_they_fit_and_no_ask_is_lost(engine: GemmaEngine) -> None:
    largest: list[int] = []

    def memory_for_two(module: Any, args: Any, kwargs: dict[str, Any]) -> None:
        rows = kwargs["input_ids"].shape[0]
        if rows > 2:
            raise torch.OutOfMemoryError("no room for that many rows")
        largest.append(rows)

    asks = [Ask(f"{at}", contract, PAGES) for at, contract in enumerate([BILL, load_contract("form")] * 3)]
    expected = answers(engine, asks)
    handle = engine._answering.model.model.register_forward_pre_hook(memory_for_two, with_kwargs=True)
    try:
        with reading(engine) as read:
            given = answers(engine, asks)
    finally:
        handle.remove()
    assert max(largest) == 2
    assert read["pictures"] == 0  # the pages stay read
    assert [(each.ask_id, each.json_text) for each in given] == [(each.ask_id, each.json_text) for each in expected]


def test_an_ask_that_never_fits_says_so(engine: GemmaEngine) -> None:
    def no_memory(module: Any, args: Any) -> None:
        raise torch.OutOfMemoryError("none at all")

    handle = engine._answering.model.model.register_forward_pre_hook(no_memory)
    try:
        with pytest.raises(AnswerError, match="ask a do not fit into memory"):
            answers(engine, [Ask("a", BILL, PAGES)])
    finally:
        handle.remove()
    assert answers(engine, [Ask("a", BILL, PAGES)])


def test_counting_says_what_answering_takes(engine: GemmaEngine) -> None:
    ask = Ask("a", BILL, PAGES)
    [answer] = answers(engine, [ask])
    assert engine.count(ask) == answer.prompt_tokens + engine.spec.output_tokens
    thinking = engine.count(replace(ask, think=True)) - engine.count(ask)
    assert thinking == pytest.approx(THOUGHT_TOKENS, abs=40)  # less what closes the thought, plus what asks for it


@pytest.mark.parametrize("quantisation", ["nf4", "int8"])
def test_quantised_weights_answer_too(tiny_checkpoint: Path, quantisation: str) -> None:
    packed = GemmaEngine.of(EngineSpec("gemma", str(tiny_checkpoint), quantisation=quantisation, output_tokens=80))  # type: ignore[arg-type]
    packed.load()
    [answer] = answers(packed, [Ask("a", BILL, PAGES)])
    assert answer.finish == "stop"
    jsonschema.validate(json.loads(answer.json_text), generation_schema(BILL).schema)


def test_the_fingerprint_tells_what_can_change_an_answer(tiny_checkpoint: Path) -> None:
    def fingerprint(**settings: Any) -> str:
        return GemmaEngine.of(EngineSpec("gemma", str(tiny_checkpoint), **settings)).info.fingerprint

    settings = ({}, {"quantisation": "int8"}, {"thinking": "on"}, {"output_tokens": 99})
    assert len({fingerprint(**each) for each in settings}) == len(settings)
    assert fingerprint(keep_thoughts=True) == fingerprint()
    template = tiny_checkpoint / "chat_template.jinja"
    before, text = fingerprint(), template.read_text()
    try:
        template.write_text(text + "{# #}")
        assert fingerprint() != before
    finally:
        template.write_text(text)


def test_a_machine_without_a_gpu_is_told_so_before_it_is_told_to_download() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(EngineUnavailable, match=r"no GPU is found here.*24 GB.*--engine embedded works here"):
        _ = GemmaEngine.of(EngineSpec("gemma")).info
