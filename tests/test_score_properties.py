"""What must hold of the scorer for any truth and any data."""

from __future__ import annotations

import copy
import random
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from schemas.pointer import leaves
from tests.test_score import scored

NAMES = ["Anvil", "Bolt 12 mm", "Copper wire", "Drill", "Endless screw", "File", "Grommet"]

lines = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from([*NAMES, None]),
            "amount": st.one_of(st.none(), st.integers(-3, 3)),
            "tags": st.lists(st.sampled_from("abc"), max_size=2),
        }
    ),
    max_size=5,
)
documents = st.fixed_dictionaries(
    {
        "issuer": st.sampled_from([*NAMES, None]),
        "total": st.one_of(st.none(), st.integers(0, 5)),
        "lines": lines,
        "groups": st.lists(
            st.fixed_dictionaries({"title": st.sampled_from([*NAMES, None]), "lines": lines}), max_size=3
        ),
    }
)


def shuffled(value: Any, order: random.Random) -> Any:
    """The same data with every list in another order."""
    if isinstance(value, dict):
        return {key: shuffled(inner, order) for key, inner in value.items()}
    if isinstance(value, list):
        moved = [shuffled(inner, order) for inner in value]
        order.shuffle(moved)
        return moved
    return value


@given(documents)
def test_a_perfect_copy_is_perfect(truth: Any) -> None:
    result = scored(truth, copy.deepcopy(truth))
    total = result.total
    assert (total.wrong, total.missed, total.invented) == (0, 0, 0)
    assert total.exact == total.right == total.accepted_right == sum(value is not None for _, value in leaves(truth))
    assert result.rows.right == result.rows.labelled == result.rows.found


@given(documents, documents, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_rows_never_counts(truth: Any, data: Any, order: random.Random) -> None:
    before, after = scored(truth, data), scored(shuffled(truth, order), shuffled(data, order))
    assert after.total == before.total
    assert after.fields == before.fields
    assert after.row_lists == before.row_lists


@given(documents, st.data())
def test_a_dropped_row_lowers_recall_only(truth: Any, draw: st.DataObject) -> None:
    told = [i for i, line in enumerate(truth["lines"]) if line["name"] or line["amount"] is not None]
    assume(told)
    data = copy.deepcopy(truth)
    del data["lines"][draw.draw(st.sampled_from(told))]
    result = scored(truth, data)
    assert result.total.precision() == 1
    assert result.total.recall() < 1
    assert result.rows.missed == 1
    assert result.rows.precision() == 1


@given(documents, st.sampled_from(NAMES))
def test_an_added_row_lowers_precision_only(truth: Any, name: str) -> None:
    data = copy.deepcopy(truth)
    data["lines"].append({"name": f"{name} of another make", "amount": 77, "tags": []})
    result = scored(truth, data)
    assert result.total.recall() == 1
    assert result.total.invented == 2
    assert result.rows.invented == 1


@given(documents, documents)
@settings(deadline=None)
def test_totals_are_conserved(truth: Any, data: Any) -> None:
    """Every labelled leaf is counted once, and every found one, whichever rows were joined."""
    total = scored(truth, data).total
    assert total.labelled == sum(value is not None for _, value in leaves(truth))
    assert total.found <= sum(value is not None for _, value in leaves(data))
    assert total.exact <= total.right
