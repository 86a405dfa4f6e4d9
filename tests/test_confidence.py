"""Confidence: what is known of a value, what the model makes of it, and how the model is fitted."""

import json
import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.engine import Answer, Ask, Finding, PageView
from pipeline.assemble import Assembly
from pipeline.confidence.fit import Sample, fit
from pipeline.confidence.model import (
    AGAINST,
    FOR,
    Calibration,
    Judge,
    calibration_for,
    fingerprint_of,
    load_calibration,
)
from pipeline.confidence.signals import Checked, Observer, kind_of
from pipeline.confidence.trust import Trust
from pipeline.ground import Basis, Grounded, grounded
from pipeline.grounding.index import WordIndex
from pipeline.joining.entries import Source
from pipeline.slices import Part
from schemas.contract import Contract
from schemas.errors import UsageError
from schemas.field import field_tree
from schemas.record import Evidence
from tests.pages import box, page

ENGINES = ("embedded", "gemma", "served", "an engine of tomorrow")
SIGNALS = sorted(FOR | AGAINST | {"row", "silent", "tokens", "derived", "kind_text", "kind_number", "kind_code"})
signals = st.dictionaries(st.sampled_from(SIGNALS), st.floats(0, 1))
NOTHING = Checked({}, frozenset())


@given(st.sampled_from(ENGINES), signals)
def test_confidence_is_a_probability_and_never_certain(engine: str, known: dict[str, float]) -> None:
    assert 0 < calibration_for(engine).confidence(known) < 1
    assert 0 <= Judge.of(engine).confidence(known) < 1


@given(st.sampled_from(ENGINES), signals, st.sampled_from(sorted(FOR)), st.floats(0, 1), st.floats(0, 1))
def test_what_speaks_for_a_value_never_lowers_it(
    engine: str, known: dict[str, float], name: str, less: float, more: float
) -> None:
    less, more = sorted((less, more))
    judge = Judge.of(engine)
    assert judge.confidence(known | {name: less}) <= judge.confidence(known | {name: more})


@given(st.sampled_from(ENGINES), signals, st.sampled_from(sorted(AGAINST)))
def test_what_speaks_against_it_never_raises_it(engine: str, known: dict[str, float], name: str) -> None:
    judge = Judge.of(engine)
    assert judge.confidence(known | {name: 1.0}) <= judge.confidence(known | {name: 0.0})
    assert not judge.accepts(0.9999, known | {"doubted": 1.0})


@given(st.sampled_from(ENGINES), st.lists(st.floats(0.5, 0.9999), min_size=2, max_size=2))
def test_a_higher_precision_has_no_lower_threshold(engine: str, precisions: list[float]) -> None:
    low, high = sorted(precisions)
    calibration = calibration_for(engine)
    assert calibration.threshold(low) <= calibration.threshold(high)


def test_an_engine_that_nothing_was_measured_for_is_judged_by_the_prior() -> None:
    prior = calibration_for("gemma")
    assert prior == calibration_for("an engine of tomorrow") and prior.engine == "prior"
    assert not prior.sources and not prior.thresholds
    assert prior.threshold(0.99) == 0.99, "what was not measured has to be as sure as it is to be right"
    judge = Judge.of("gemma")
    stated = {"evidence": 1.0, "by_value": 1.0, "literal": 1.0}
    alone = judge.confidence(stated)
    assert 0.9 < alone < 0.99, "words alone do not do"
    for more in ({"proved": 1.0}, {"tokens": 1.0, "token_least": 0.99}):
        assert judge.accepts(judge.confidence(stated | more), stated | more)
    everything = dict.fromkeys(FOR - {"evidence", "by_value", "literal"}, 1.0)
    assert not judge.accepts(judge.confidence(everything), everything), "never without words that state it"


def test_words_that_could_hardly_be_read_are_never_accepted() -> None:
    judge = Judge.of("embedded")
    best = dict.fromkeys(FOR, 1.0)
    assert judge.accepts(0.999, best | {"faint": 0.4}) and not judge.accepts(0.999, best | {"faint": 0.6})


def observed(data: Any, schema: dict[str, Any], lines: str, sources: dict[str, Source] | None = None) -> Any:
    read = page(lines)
    root = field_tree(schema)
    findings = {at: source.finding for at, source in (sources or {}).items() if source.finding}
    grounds = grounded(data, [read], findings, root)
    return Observer(data, root, grounds, sources or {}, [read])


NUMBER: dict[str, Any] = {"type": ["number", "null"]}
TEXT: dict[str, Any] = {"type": ["string", "null"]}
BILL = {"type": "object", "properties": {"total": NUMBER, "issuer": TEXT}}


def test_a_value_on_the_page_is_stated_and_one_that_is_not_is_unplaced() -> None:
    seen = observed({"total": 12.5, "issuer": "Nobody"}, BILL, "Total  12.50")
    total, issuer = seen.signals("/total", 12.5, NOTHING), seen.signals("/issuer", "Nobody", NOTHING)
    assert total["evidence"] == total["by_value"] == total["text_layer"] == total["kind_number"] == 1.0
    assert issuer["unplaced"] == issuer["kind_name"] == issuer["silent"] == 1.0
    assert "evidence" not in issuer and "by_value" not in issuer


def test_probabilities_of_tokens_are_told_where_an_engine_has_them() -> None:
    source = Source(logprobs=(math.log(0.5), math.log(0.98)))
    found = observed({"total": 12.5}, BILL, "Total  12.50", {"/total": source}).signals("/total", 12.5, NOTHING)
    assert found["tokens"] == 1.0 and "silent" not in found
    assert found["token_least"] == 0.5 and found["token_mean"] == pytest.approx(0.7, abs=0.001)


def test_the_engines_confidence_and_what_lies_above_its_steps() -> None:
    source = Source(Finding(1, page("Total  12.50").words[1:], 0.85))
    found = observed({"total": 12.5}, BILL, "Total  12.50", {"/total": source}).signals("/total", 12.5, NOTHING)
    assert found["engine"] == 0.85 and found["engine_70"] == 0.5 and "engine_85" not in found


def test_words_that_state_two_fields_are_shared_and_those_of_rows_of_one_field_are_not() -> None:
    words = Evidence(page=1, box=box(0, 0, 9), text="Example Ltd", score=1.0)
    schema = {"type": "object", "properties": {"issuer": TEXT, "buyer": TEXT, "total": NUMBER}}
    data = {"issuer": "Example Ltd", "buyer": "Example Ltd", "total": 3}
    other = Evidence(page=1, box=box(2, 0, 9), text="3", score=1.0)
    grounds = {
        pointer: Grounded((piece,), Basis.STATED)
        for pointer, piece in (("/issuer", words), ("/buyer", words), ("/total", other))
    }
    seen = Observer(data, field_tree(schema), grounds, {}, [])
    shared = {at: seen.signals(at, value, NOTHING).get("shared") for at, value in (("/buyer", "x"), ("/total", 3))}
    assert shared == {"/buyer": 1.0, "/total": None}
    listed = {"type": "object", "properties": {"names": {"type": "array", "items": {"type": "string"}}}}
    grounds = {f"/names/{number}": Grounded((words,), Basis.STATED) for number in range(2)}
    seen = Observer({"names": ["a", "b"]}, field_tree(listed), grounds, {}, [])
    assert "shared" not in seen.signals("/names/0", "a", NOTHING)


def test_a_row_tells_how_much_of_it_is_stated_and_a_swallowed_cell() -> None:
    schema = {"type": "object", "properties": {"lines": {"type": "array", "items": {
        "type": "object", "properties": {"unit": TEXT, "amount": NUMBER}}}}}  # fmt: skip
    data = {"lines": [{"unit": "26 pc", "amount": 99.0}]}
    seen = observed(data, schema, "26 pc  81.90")
    unit = seen.signals("/lines/0/unit", "26 pc", NOTHING)
    assert (unit["row"], unit["row_stated"], unit["numbered"]) == (1.0, 0.5, 1.0)
    assert "numbered" not in seen.signals("/lines/0/amount", 99.0, NOTHING)


@pytest.mark.parametrize(
    ("schema", "value", "kind"),
    [
        ({"type": "boolean"}, True, "flag"),
        ({"enum": ["a", "b"]}, "a", "choice"),
        ({"type": "number"}, 3, "number"),
        ({"type": "string", "format": "date"}, "2024-01-01", "date"),
        ({"type": "string", "format": "iban"}, "DE89", "code"),
        ({"type": "string"}, "A-2024-118", "code"),
        ({"type": "string"}, "two pallets", "text"),
    ],
)
def test_kinds(schema: dict[str, Any], value: Any, kind: str) -> None:
    root = field_tree({"type": "object", "properties": {"field": schema}})
    assert kind_of(root.children[0], value) == kind


def test_probabilities_reach_the_joined_data_by_its_own_pointers() -> None:
    """Two parts of a list: the second one's rows come after the first one's, and so do their probabilities."""
    contract = Contract.from_json_schema({"type": "object", "properties": {"rows": {"type": "array", "items": {
        "type": "object", "properties": {"name": TEXT, "amount": NUMBER}}}}})  # fmt: skip
    read = page("Ash   11.00\nBirch 12.00\nCedar 13.00")
    assembly = Assembly(contract, WordIndex([read]))

    def part(number: int, *rows: tuple[str, float]) -> Part:
        told = {"rows": [{"name": name, "amount": amount} for name, amount in rows]}
        logprobs = {f"/rows/{at}/amount": (-amount / 100,) for at, (_, amount) in enumerate(rows)}
        return Part(
            Ask(str(number), contract, (PageView(read),)), Answer(str(number), json.dumps(told), leaf_logprobs=logprobs)
        )

    assembly.add([part(1, ("Ash", 11.0)), part(2, ("Birch", 12.0), ("Cedar", 13.0))])
    told = assembly.told()
    found = {row["amount"]: told.sources[f"/rows/{at}/amount"].logprobs for at, row in enumerate(told.data["rows"])}
    assert found == {11.0: (-0.11,), 12.0: (-0.12,), 13.0: (-0.13,)}


def drawn(number: int, sources: Sequence[str] = ("a", "b", "c"), seed: int = 0) -> list[Sample]:
    """Values of an engine whose confidence is what it says, a third of them proved by a check, which doubles odds."""
    chance = random.Random(seed)
    samples = []
    for index in range(number):
        sure, proved = chance.uniform(0.4, 1.0), float(chance.random() < 0.33)
        odds = sure / (1.0001 - sure) * (4 if proved else 1)
        known = {"evidence": 1.0, "by_value": 1.0, "engine": sure, "proved": proved}
        right = chance.random() < odds / (1 + odds)
        samples.append(Sample(sources[index % len(sources)], f"{index % 40}.pdf", "/total", known, right))
    return samples


def test_a_fit_is_calibrated_on_what_it_was_not_fitted_on() -> None:
    calibration = fit(drawn(3000), "mine").calibration
    assert {figures.name for figures in calibration.sources} == {"a", "b", "c"}
    for figures in calibration.sources:
        assert figures.leaves == 1000 and figures.ece < 0.05
    assert calibration.weights["engine"] > 0 and calibration.weights["proved"] > 0


def test_thresholds_reach_their_precision_on_values_of_another_day() -> None:
    calibration = fit(drawn(4000), "mine").calibration
    later = drawn(4000, seed=1)
    assert [each.precision for each in calibration.thresholds][:2] == [0.9, 0.95]
    for each in calibration.thresholds[:2]:
        accepted = [sample.right for sample in later if calibration.confidence(sample.signals) >= each.confidence]
        assert len(accepted) > 400 and sum(accepted) / len(accepted) > each.precision - 0.01


def test_one_source_is_held_out_by_documents() -> None:
    found = fit(drawn(600, ("only",)), "mine")
    assert [figures.documents for figures in found.calibration.sources] == [40]
    in_sample = [found.calibration.confidence(sample.signals) for sample in drawn(600, ("only",))]
    assert found.held_out != pytest.approx(in_sample, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_weights_keep_their_signs_whatever_the_documents_say(seed: int) -> None:
    """Labels turned round: what speaks for a value seems to speak against it."""
    samples = [sample._replace(right=not sample.right) for sample in drawn(300, seed=seed)]
    weights = fit(samples, "mine").calibration.weights
    assert all(weights[name] >= 0 for name in weights.keys() & FOR)


def test_too_little_to_fit_is_said() -> None:
    with pytest.raises(UsageError, match="it takes 100"):
        fit(drawn(99), "mine")
    with pytest.raises(UsageError, match="right ones and wrong ones"):
        fit([sample._replace(right=True) for sample in drawn(300)], "mine")


def test_a_calibration_survives_its_file(tmp_path: Path) -> None:
    calibration = fit(drawn(300), "gemma").calibration
    path = tmp_path / "mine.json"
    path.write_text(calibration.model_dump_json())
    assert calibration_for("gemma", str(path)) == calibration
    with pytest.raises(UsageError, match="made for the engine gemma"):
        calibration_for("embedded", str(path))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is no calibration"),
        ("[]", "is no calibration"),
        ('{"engine": "gemma", "intercept": 0, "weights": {"proved": -1}}', "wrong sign"),
        ('{"engine": "gemma", "intercept": NaN, "weights": {}}', "is no calibration"),
        ('{"engine": "gemma", "intercept": 0, "weights": {}, "format": "intaglio-calibration-9"}', "format"),
    ],
)
def test_what_is_no_calibration_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=reason):
        load_calibration(path)
    with pytest.raises(UsageError, match="cannot be read"):
        load_calibration(tmp_path / "none.json")


def test_another_precision_or_calibration_is_another_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(calibration_for("embedded").model_copy(update={"intercept": 0.5}).model_dump_json())
    trusts = (Trust(), Trust(0.95), Trust(0.99, str(path)))
    assert len({fingerprint_of("embedded", trust) for trust in trusts}) == 3
    assert fingerprint_of("embedded", Trust()) == fingerprint_of("embedded", Trust(0.99))


def test_the_calibration_that_is_shipped_says_what_was_measured() -> None:
    embedded = calibration_for("embedded")
    assert embedded.engine == "embedded" and isinstance(embedded, Calibration)
    accepted = sum(figures.accepted for figures in embedded.sources)
    assert len(embedded.sources) >= 5 and accepted > 1000
    assert sum(figures.accepted_right for figures in embedded.sources) / accepted >= 0.99
    assert embedded.threshold(0.9) < embedded.threshold(0.99) < 1
