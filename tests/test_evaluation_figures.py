"""The figures of an evaluation: by hand on small cases, and what must hold of them for any data."""

from __future__ import annotations

import copy
import random
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.evaluation_words import share
from pipeline.comparison import Comparison, Flip, compare
from pipeline.evaluate import Evaluated, Evaluation
from pipeline.score import score
from pipeline.scoring.calibration import Judged, calibration_error, reliability, threshold_at
from pipeline.scoring.figures import Figures, by_kind, figures
from pipeline.scoring.forms import text_similarity
from pipeline.scoring.misfits import misfits
from pipeline.scoring.tally import Counts, Score, joined
from schemas.contract import Contract
from schemas.pointer import leaves
from tests.test_score import CONTRACT, record_of, scored
from tests.test_score_properties import documents, shuffled

TARGET = Fraction(99, 100)
judged_leaves = st.lists(st.builds(Judged, st.floats(0, 1), st.booleans()), max_size=60)
coarse_leaves = st.lists(st.builds(Judged, st.sampled_from([0.2, 0.5, 0.8, 0.9, 1.0]), st.booleans()), max_size=60)


def score_of(truth: Any, data: Any, confidences: dict[str, float]) -> Score:
    record = record_of(data)
    fields = {
        pointer: result.model_copy(update={"confidence": confidences.get(pointer, result.confidence)})
        for pointer, result in record.fields.items()
    }
    return score(truth, record.model_copy(update={"fields": fields}), CONTRACT)


def evaluation_of(*documents: Score) -> Evaluation:
    return Evaluation(
        tuple(
            Evaluated(f"{number}.pdf", "test", "test", "review", 1, "", "", each)
            for number, each in enumerate(documents)
        )
    )


# Calibration and coverage


def test_calibration_by_hand() -> None:
    """Three of four right at 0.9, none of one at 0.15: the weighted distances are 0.8 * 0.15 and 0.2 * 0.15."""
    judged = [Judged(0.9, True)] * 3 + [Judged(0.9, False), Judged(0.15, False)]
    low, high = reliability(judged)
    assert (low.low, low.high, low.leaves, low.right) == (0.1, 0.2, 1, 0)
    assert (high.low, high.high, high.leaves, high.precision) == (0.9, 1.0, 4, 0.75)
    assert calibration_error([low, high]) == pytest.approx(0.8 * 0.15 + 0.2 * 0.15)


def test_full_confidence_is_in_the_last_bin() -> None:
    (only,) = reliability([Judged(1.0, True), Judged(0.95, True)])
    assert (only.low, only.high, only.leaves) == (0.9, 1.0, 2)


@given(judged_leaves)
def test_the_calibration_error_is_a_share(judged: list[Judged]) -> None:
    bins = reliability(judged)
    error = calibration_error(bins)
    assert sum(each.leaves for each in bins) == len(judged)
    assert sum(each.right for each in bins) == sum(leaf.right for leaf in judged)
    assert (error is None) == (not judged)
    assert error is None or 0 <= error <= 1


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_a_confidence_that_is_the_share_of_right_ones_has_no_error(rights: list[bool]) -> None:
    confidence = sum(rights) / len(rights)
    error = calibration_error(reliability([Judged(confidence, right) for right in rights]))
    assert error == pytest.approx(0, abs=1e-9)


def test_coverage_by_hand() -> None:
    """At 0.9 two of two are right; at 0.8 two of three; at 0.7 five of six, which is enough for 0.8 and not for 0.9."""
    judged = [Judged(0.9, True)] * 2 + [Judged(0.8, False)] + [Judged(0.7, True)] * 3
    at_eighty, at_ninety = threshold_at(judged, Fraction(8, 10)), threshold_at(judged, Fraction(9, 10))
    assert at_eighty is not None and at_ninety is not None
    assert (at_eighty.confidence, at_eighty.accepted, at_eighty.right) == (0.7, 6, 5)
    assert (at_ninety.confidence, at_ninety.accepted, at_ninety.right) == (0.9, 2, 2)


def test_exactly_the_target_is_enough_and_ties_are_never_split() -> None:
    """99 of 100 is a precision of 0.99 exactly; with one right leaf fewer, all of one confidence go together."""
    enough = [Judged(0.9, True)] * 99 + [Judged(0.9, False)]
    found = threshold_at(enough, TARGET)
    assert found is not None and (found.accepted, found.right) == (100, 99)
    assert threshold_at(enough[1:], TARGET) is None


@given(coarse_leaves, st.randoms(use_true_random=False))
def test_the_threshold_is_the_best_of_all_and_order_does_not_count(judged: list[Judged], order: random.Random) -> None:
    found = threshold_at(judged, TARGET)
    able = []
    for confidence in {leaf.confidence for leaf in judged}:
        accepted = [leaf.right for leaf in judged if leaf.confidence >= confidence]
        if sum(accepted) >= TARGET * len(accepted):
            able.append(len(accepted))
    assert (found.accepted if found else 0) == max(able, default=0)
    moved = list(judged)
    order.shuffle(moved)
    assert threshold_at(moved, TARGET) == found


# Texts


def test_anls_by_hand() -> None:
    """Source of the rule: Biten et al. 2019, section 4: one edit of six letters, and three of six, and four of six."""
    assert text_similarity("kitten", "kitTEN ") == 1.0
    assert text_similarity("kitten", "kittex") == pytest.approx(5 / 6)
    assert text_similarity("kitten", "kitxxx") == 0.5
    assert text_similarity("kitten", "kixxxx") == 0.0


@given(st.text(max_size=20), st.text(max_size=20))
def test_similarity_is_zero_or_at_least_the_threshold(one: str, other: str) -> None:
    similarity = text_similarity(one, other)
    assert similarity == 0 or 0.5 <= similarity <= 1
    assert similarity == text_similarity(other, one)


def test_anls_is_over_the_texts_of_the_truth() -> None:
    """One missed text counts nothing, an invented text and a number do not count."""
    truth = {"issuer": "kitten", "printed": "a text", "total": 5, "date": None, "number": None}
    its = figures(scored(truth, {"issuer": "kittex", "total": 6, "number": "invented"}))
    assert (its.texts, its.anls) == (2, pytest.approx((5 / 6 + 0) / 2))


# All figures


@given(documents)
def test_a_perfect_record_has_perfect_figures(truth: Any) -> None:
    its = figures(scored(truth, copy.deepcopy(truth)))
    told = [its.precision, its.recall, its.f1, its.f1_exact, its.accepted_precision, its.coverage]
    told += [its.coverage_at_target, its.yield_at_target, its.anls]
    assert set(told) <= {1.0, None}
    assert (its.f1 is None) == (its.leaves == 0)
    nulls = sum(value is None for _, value in leaves(truth))
    assert (its.absent, its.faults) == (nulls, 0)


@given(documents, documents, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=50)
def test_the_order_of_rows_never_counts(truth: Any, data: Any, order: random.Random) -> None:
    assert figures(scored(truth, data)) == figures(scored(shuffled(truth, order), shuffled(data, order)))


@given(documents, documents)
@settings(deadline=None)
def test_fields_and_kinds_add_up_to_the_whole(truth: Any, data: Any) -> None:
    whole = scored(truth, data)
    its, parts = figures(whole), [figures(part) for part in whole.parts().values()]
    for name in ("leaves", "found", "right", "wrong", "missed", "invented", "absent", "texts", "accepted"):
        assert sum(getattr(part, name) for part in parts) == getattr(its, name), name
    assert sum(counts.right for counts in by_kind(whole).values()) == its.right


def test_null_handling_is_counted_apart() -> None:
    """Two absences: one kept, one not. Two values: one missed."""
    truth = {"number": "A-1", "issuer": None, "total": 10, "date": None}
    its = figures(scored(truth, {"number": "A-1", "issuer": "Someone", "total": None, "date": None}))
    assert (its.right, its.missed, its.invented, its.absent) == (1, 1, 1, 1)


def test_a_list_that_is_null_and_was_invented_is_no_absence() -> None:
    assert figures(scored({"lines": None}, {"lines": [{"name": "Anvil"}]})).absent == 0
    assert figures(scored({"lines": None}, {"lines": []})).absent == 1


def test_confidence_comes_from_the_leaf_that_stands_for_the_truth() -> None:
    truth = {"lines": [{"name": "Anvil"}, {"name": "Bolt"}]}
    data = {"lines": [{"name": "Bolt"}, {"name": "Zebra"}]}
    found = score_of(truth, data, {"/lines/0/name": 0.8, "/lines/1/name": 0.3})
    assert {outcome.got: (outcome.confidence, outcome.verdict) for outcome in found.outcomes} == {
        "Bolt": (0.8, "right"),
        "Zebra": (0.3, "invented"),
        None: (None, "missed"),
    }
    its = figures(found)
    assert its.coverage_at_target == 0.5 and its.yield_at_target == 0.5
    assert its.ece == pytest.approx((0.2 + 0.3) / 2)


def test_kinds_are_compared_each_in_its_own_way() -> None:
    truth = {"number": "0042", "issuer": "Acme", "date": "2024-01-05", "total": 10, "paid": True}
    data = {"number": "42", "issuer": "ACME", "date": "2024-01-05", "total": 10.0, "paid": False}
    kinds = by_kind(scored(truth, data))
    assert {kind: counts.right for kind, counts in kinds.items()} == {
        "code": 0, "text": 1, "date": 1, "number": 1, "flag": 0,
    }  # fmt: skip
    assert kinds["flag"] == Counts(wrong=1, accepted=1)


def test_nothing_to_judge_gives_no_shares() -> None:
    its = figures(Score())
    shares = (its.precision, its.recall, its.f1, its.anls, its.ece, its.coverage_at_target, its.word_f1)
    assert set(shares) == {None} and its.at_target is None


def test_a_share_below_one_is_never_shown_as_one() -> None:
    assert [share(value) for value in (None, 1.0, 0.99996, 0.5, 0.0)] == ["–", "1.000", "0.999", "0.500", "0.000"]


# Comparison


def turned(flip: Flip) -> Flip:
    return Flip(
        document=flip.document, field=flip.field, pointer=flip.pointer, expected=flip.expected,
        before=flip.after, after=flip.before, was=flip.now, now=flip.was,
        status_before=flip.status_after, status_after=flip.status_before,
    )  # fmt: skip


def places(flips: tuple[Flip, ...]) -> list[tuple[Any, ...]]:
    """Flips without the pointer of an invented row's value, which differs with the order of the rows."""
    told = [
        (*(getattr(flip, name) for name in ("field", "expected", "before", "after", "was", "now")),) for flip in flips
    ]
    return sorted(told, key=repr)


@given(documents, st.lists(st.tuples(documents, documents), min_size=1, max_size=2))
@settings(deadline=None, max_examples=60)
def test_a_comparison_the_other_way_round_says_the_opposite(truth: Any, pairs: list[tuple[Any, Any]]) -> None:
    old = evaluation_of(*(scored(truth, one) for one, _ in pairs))
    new = evaluation_of(*(scored(truth, other) for _, other in pairs))
    there, back = compare(old, new), compare(new, old)
    assert (there.before, there.after) == (back.after, back.before)
    for ours, theirs in ((there.fields, back.fields), (there.documents, back.documents)):
        assert {(each.name, each.before, each.after) for each in ours} == {
            (each.name, each.after, each.before) for each in theirs
        }
    assert places(there.better) == places(tuple(map(turned, back.worse)))
    assert places(there.worse) == places(tuple(map(turned, back.better)))
    _flips_explain_the_counts(there)


def _flips_explain_the_counts(comparison: Comparison) -> None:
    """Right and invented leaves differ by what flipped, and by nothing else."""

    def balance(name: str, figures: Figures) -> int:
        return int(getattr(figures, name))

    flips = (*comparison.better, *comparison.worse)
    gained = sum(flip.now == "right" for flip in flips) - sum(flip.was == "right" for flip in flips)
    assert gained == balance("right", comparison.after) - balance("right", comparison.before)
    invented = sum(flip.now == "invented" for flip in flips) - sum(flip.was == "invented" for flip in flips)
    assert invented == balance("invented", comparison.after) - balance("invented", comparison.before)


@given(documents, documents)
@settings(deadline=None, max_examples=40)
def test_nothing_changes_against_itself(truth: Any, data: Any) -> None:
    same = evaluation_of(scored(truth, data))
    found = compare(same, same)
    assert not (found.fields or found.documents or found.better or found.worse or found.relabelled)
    assert found.before == found.after == figures(same.score)


def test_a_truth_that_changed_is_left_out_of_the_comparison() -> None:
    """Else a corrected label would pass for a better engine."""
    old = evaluation_of(scored({"issuer": "Acm", "total": 1, "date": None}, {"issuer": "Other", "total": 2}))
    new = evaluation_of(scored({"issuer": "Other", "total": 1, "number": "A"}, {"issuer": "Other", "total": 1}))
    found = compare(old, new)
    assert found.relabelled == 2
    assert [(flip.pointer, flip.was, flip.now) for flip in found.better] == [("/total", "wrong", "right")]
    assert not found.worse


def test_documents_that_only_one_has_are_named_and_not_compared() -> None:
    one, other = scored({"total": 1}, {"total": 1}), scored({"total": 1}, {"total": 2})
    found = compare(evaluation_of(one, other), evaluation_of(one))
    assert (found.gone, found.new) == (("1.pdf",), ())
    assert found.before == found.after == figures(one)


def test_an_invented_row_that_moved_did_not_flip() -> None:
    old = scored({"lines": []}, {"lines": [{"name": "Zebra"}, {"name": "Yak"}]})
    new = scored({"lines": []}, {"lines": [{"name": "Yak"}, {"name": "Yak"}]})
    found = compare(evaluation_of(old), evaluation_of(new))
    assert [(flip.before, flip.after) for flip in found.better] == [("Zebra", None)]
    assert [(flip.before, flip.after) for flip in found.worse] == [(None, "Yak")]


# Misfits


def test_misfits_name_the_place_and_the_reason() -> None:
    truth = {
        "total": "12.50 EUR",
        "date": "soon",
        "paid": "yes",
        "issuer": True,
        "lines": {"name": "Anvil"},
        "groups": [{"title": "A", "lines": [{"name": "B", "amount": 1, "a/b": 2}]}],
    }
    found = {each.pointer: (each.reason, each.scored) for each in misfits(truth, CONTRACT)}
    assert found == {
        "/date": ("it is not a date", True),
        "/paid": ("it is not true or false", True),
        "/issuer": ("it is true or false, where the schema has a text", True),
        "/lines": ("the schema has a list here, the truth an object", False),
        "/groups/0/lines/0/a~1b": ("the schema has no such field", False),
    }


def test_a_value_that_the_schema_allows_is_no_misfit() -> None:
    """Of a union the field tree tells one branch; a number as printed is compared by value."""
    either = {"anyOf": [{"type": "integer"}, {"type": "string"}]}
    contract = Contract.from_json_schema(
        {"type": "object", "properties": {"rank": either, "amount": {"type": "number"}, "kind": {"enum": ["a", "b"]}}}
    )
    assert misfits({"rank": "DNS", "amount": "9.00", "kind": "A"}, contract) == ()
    found = misfits({"rank": "DNS", "amount": "none", "kind": "c"}, contract)
    assert [each.pointer for each in found] == ["/amount", "/kind"]


@given(documents)
def test_a_truth_in_the_schemas_shape_has_no_misfits(truth: Any) -> None:
    assert misfits(truth, CONTRACT) == ()


@given(documents, documents)
@settings(deadline=None, max_examples=30)
def test_scores_joined_are_scores_added(one: Any, other: Any) -> None:
    first, second = scored(one, other), scored(other, one)
    assert joined([first, second]) == first + second
    assert figures(first + second).leaves == figures(first).leaves + figures(second).leaves
