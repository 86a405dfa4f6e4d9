"""The grammar at work in transformers' own `generate`, on a tiny Gemma 4 with random weights."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("llguidance")

import torch
from transformers import Gemma4ForConditionalGeneration, LogitsProcessorList

from model.grammar.constraint import Constraint
from model.grammar.guidance import check_expressible
from model.grammar.leaves import leaf_logprobs
from model.grammar.rows import Markers, Reply, Row, Rule
from schemas.contract import Contract
from schemas.pointer import leaves
from schemas.registry import BUILTIN, load_contract
from tests.grammars import Constrained, grammars, tokenizer
from tests.tiny_gemma import build

ENDS = [1, tokenizer().convert_tokens_to_ids("<turn|>")]
MARKERS = Markers.of(tokenizer(), ENDS)
SMALL = Contract.from_json_schema(
    {
        "title": "Small",
        "type": "object",
        "properties": {
            "day": {"type": "string", "format": "date"},
            "kind": {"enum": ["invoice", "receipt"]},
            "count": {"type": "integer", "minimum": 0, "maximum": 999},
            "paid": {"type": "boolean"},
        },
    }
)
SCHEMA = check_expressible(SMALL).schema


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = build(tmp_path_factory.mktemp("tiny"))
    torch.set_num_threads(1)
    return Gemma4ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()


def prompt(rows: int, text: str = "<|turn>user\nread<turn|>\n<|turn>model\n") -> torch.Tensor:
    """(rows, tokens), each row with a word of its own."""
    return torch.tensor([tokenizer()(f"{chr(ord('a') + row)}{text}")["input_ids"] for row in range(rows)])


def reply_to(
    model: Any, rules: list[Rule], most: int, ids: torch.Tensor | None = None, **settings: Any
) -> tuple[Reply, ...]:
    ids = prompt(len(rules)) if ids is None else ids
    torch.manual_seed(settings.pop("seed", 0))
    constraint = Constrained(rules, MARKERS)
    sequences = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        mm_token_type_ids=torch.zeros_like(ids),
        max_new_tokens=most,
        eos_token_id=ENDS,
        logits_processor=LogitsProcessorList([constraint]),
        **settings,
    )
    return constraint.replies(sequences)


def text_of(reply: Reply) -> str:
    return b"".join(grammars().pieces(reply.tokens)).decode("utf-8", errors="replace")


@pytest.mark.parametrize("sample", [False, True], ids=["greedy", "sampled"])
def test_whole_replies_fit_and_cut_off_ones_say_so(model: Any, sample: bool) -> None:
    contracts = [load_contract(name) for name in BUILTIN] + [SMALL]
    rules = [Rule(check_expressible(contract).schema) for contract in contracts]
    replies = reply_to(model, rules, 90, do_sample=sample)
    assert {reply.finish for reply in replies} == {"stop", "length"}
    for contract, reply in zip(contracts, replies, strict=True):
        if reply.finish == "stop":
            assert {issue.code for issue in contract.validate(json.loads(text_of(reply)))} <= {"missing"}
        else:
            assert len(reply.tokens) == 90
            with pytest.raises(ValueError, match=r"Unterminated|Expecting|Extra"):
                json.loads(text_of(reply))


def test_rows_keep_their_own_schemas_and_rows_without_one_are_left_alone(model: Any) -> None:
    other = {"type": "object", "properties": {"a": {"const": "x"}}, "required": ["a"], "additionalProperties": False}
    rules = [Rule(SCHEMA), Rule(), Rule(other)]
    with_grammar = reply_to(model, rules, 60, do_sample=False)
    alone = reply_to(model, [Rule()] * 3, 60, do_sample=False)
    assert set(json.loads(text_of(with_grammar[0]))) == {"day", "kind", "count", "paid"}
    assert with_grammar[1].tokens == alone[1].tokens
    assert text_of(with_grammar[2]) == '{"a":"x"}' and with_grammar[2].finish == "stop"


def test_rows_that_are_over_keep_padding_while_others_go_on(model: Any) -> None:
    short = {"const": "x"}
    replies = reply_to(
        model, [Rule(short), Rule(check_expressible(load_contract("resume")).schema)], 50, do_sample=True
    )
    assert text_of(replies[0]) == '"x"' and replies[0].finish == "stop"
    assert len(replies[1].tokens) == 50


def test_log_probabilities_are_those_of_the_model(model: Any) -> None:
    ids = prompt(1)
    (reply,) = reply_to(model, [Rule(SCHEMA)], 80, ids, do_sample=True)
    assert reply.finish == "stop" and len(reply.tokens) == len(reply.logprobs) == len(reply.allowed)
    whole = torch.cat([ids, torch.tensor([reply.tokens])], dim=1)
    with torch.no_grad():
        logits = model(input_ids=whole, mm_token_type_ids=torch.zeros_like(whole)).logits[0, ids.shape[1] - 1 : -1]
    plain = torch.log_softmax(logits.float(), dim=-1)
    for at, token in enumerate(reply.tokens):
        assert reply.logprobs[at] + reply.allowed[at] == pytest.approx(float(plain[at, token]), abs=1e-3)
        assert reply.logprobs[at] <= 1e-5 and reply.allowed[at] <= 1e-5
    assert any(value < -0.5 for value in reply.logprobs) and reply.logprobs[0] == pytest.approx(0, abs=1e-5)
    by_leaf = leaf_logprobs(grammars().pieces(reply.tokens), reply.logprobs)
    assert list(by_leaf) == [pointer for pointer, _ in leaves(json.loads(text_of(reply)))]
    assert all(math.isfinite(value) for values in by_leaf.values() for value in values)


def test_the_time_of_masks_is_accounted(model: Any) -> None:
    constraint, rows = Constraint(grammars()), [row(), Row(Rule(), grammars(), MARKERS)]
    constraint.choose(rows, torch.zeros(2, grammars().tokenizer.vocab_size))
    assert constraint.tokens == 1
    assert sum(each.seconds for each in rows) == pytest.approx(constraint.seconds) and constraint.seconds > 0


def test_a_thought_comes_first_and_never_leaks_into_the_reply(model: Any) -> None:
    rules = [Rule(SCHEMA, thinks=True, thought_tokens=7), Rule(SCHEMA)]
    opened = torch.cat([prompt(2), torch.full((2, 1), MARKERS.opens)], dim=1)
    thinking, silent = reply_to(model, rules, 90, opened, do_sample=True)
    assert len(thinking.thought) == 7 and thinking.finish == "stop"
    assert not {MARKERS.opens, MARKERS.closes, *ENDS} & {*thinking.thought, *thinking.tokens}
    assert json.loads(text_of(thinking)).keys() == SCHEMA["properties"].keys()
    assert silent.thought == () and json.loads(text_of(silent))


def test_a_reply_without_the_thought_that_it_might_have_is_held_from_its_first_token(model: Any) -> None:
    rules = [Rule(SCHEMA, thinks=True, thought_tokens=0), Rule(SCHEMA, thinks=True, thought_tokens=0)]
    for reply in reply_to(model, rules, 90, do_sample=True):
        assert reply.thought == () and json.loads(text_of(reply)).keys() == SCHEMA["properties"].keys()


def test_a_thought_is_cut_off_as_a_thought(model: Any) -> None:
    opened = torch.cat([prompt(1), torch.full((1, 1), MARKERS.opens)], dim=1)
    (reply,) = reply_to(model, [Rule(SCHEMA, thinks=True, thought_tokens=500)], 20, opened, do_sample=True)
    assert reply.finish == "length"
    assert len(reply.thought) + len(reply.tokens) <= 20


def test_rows_may_join_and_leave_between_steps() -> None:
    constraint, scores = Constraint(grammars()), torch.randn(3, grammars().tokenizer.vocab_size)
    rows, alone = [row() for _ in range(3)], [row() for _ in range(3)]
    for under_way in ([0], [0, 1, 2], [2, 0], [0], [1, 0, 2], [1]):
        constraint.choose([rows[at] for at in under_way], scores[under_way])
        for at in under_way:
            constraint.choose([alone[at]], scores[at][None])
    assert [each.reply() for each in rows] == [each.reply() for each in alone]
    assert [len(each.reply().tokens) for each in rows] == [5, 3, 3]


def test_only_a_row_that_was_ended_for_looping_says_so() -> None:
    looping = fed(row(), '{"day":')
    assert looping.reply(looped=True).finish == "loop" and text_of(looping.reply(looped=True)) == '{"day":'
    looping.take(MARKERS.pad)
    assert looping.reply().finish == "length" and text_of(looping.reply()) == '{"day":'


# Row by row, without a model.


def row(**rule: Any) -> Row:
    return Row(Rule(SCHEMA, **rule), grammars(), MARKERS)


def fed(row: Row, text: str) -> Row:
    for token in grammars().tokenizer.tokenize_str(text):
        row.take(token)
    return row


WHOLE = '{"day":"2024-02-29","kind":null,"count":7,"paid":true}'


def test_the_grammar_starts_when_the_thought_is_closed() -> None:
    thinking = row(thinks=True)
    assert thinking.phase == "start"
    thinking.take(MARKERS.opens)
    fed(thinking, "thought\nno JSON at all: {")
    assert thinking.phase == "thought" and not thinking.held
    thinking.take(MARKERS.closes)
    assert thinking.held and fed(thinking, WHOLE).finish() == "stop"


def test_a_first_token_of_json_is_taken_though_a_thought_was_awaited() -> None:
    assert fed(row(thinks=True), WHOLE).finish() == "stop"


def test_a_call_may_come_in_the_replys_place_where_the_rule_says_so() -> None:
    calling = row(may_call=True)
    calling.take(MARKERS.calls)
    fed(calling, "call:find{}")
    calling.take(ENDS[1])
    assert calling.finish() == "stop" and calling.phase == "over"
    silent = row()
    silent.take(MARKERS.calls)
    assert silent.finish() == "invalid"


@pytest.mark.parametrize("length", [1, 10, 40])
def test_what_is_cut_off_is_never_whole(length: int) -> None:
    tokens = grammars().tokenizer.tokenize_str(WHOLE)
    cut = row()
    for token in tokens[: min(length, len(tokens) - 1)]:
        cut.take(token)
    assert cut.finish() == "length"
    cut.take(MARKERS.pad)
    assert cut.finish() == "length" and cut.phase == "over"


def test_a_forbidden_token_makes_the_reply_invalid_for_good() -> None:
    astray = fed(row(), '{"day":"2023-02-29')
    assert astray.finish() == "invalid" and not astray.held
    assert fed(astray, WHOLE).finish() == "invalid"
