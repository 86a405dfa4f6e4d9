"""Boxes on a page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.page import Box, enclosing

fraction = st.floats(0, 1, allow_nan=False)
boxes = st.tuples(fraction, fraction, fraction, fraction).map(
    lambda c: Box(min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3]))
)


def test_overlap_of_two_halves() -> None:
    left, middle = Box(0, 0, 0.5, 1), Box(0.25, 0, 0.75, 1)
    assert left.intersection_over_union(middle) == pytest.approx(1 / 3)
    assert left.intersection_over_union(Box(0.5, 0, 1, 1)) == 0.0
    assert (middle.width, middle.height, middle.center) == (0.5, 1, (0.5, 0.5))


@given(boxes, boxes)
def test_overlap_is_a_share_and_the_same_both_ways(first: Box, second: Box) -> None:
    share = first.intersection_over_union(second)
    assert 0.0 <= share <= 1.0 + 1e-9
    assert share == second.intersection_over_union(first)


@given(boxes.filter(lambda box: box.width > 1e-6 and box.height > 1e-6))
def test_a_box_overlaps_itself_wholly(box: Box) -> None:
    assert box.intersection_over_union(box) == pytest.approx(1.0)


def test_empty_boxes_overlap_nothing() -> None:
    point = Box(0.5, 0.5, 0.5, 0.5)
    assert point.intersection_over_union(point) == 0.0


@given(st.lists(boxes, min_size=1, max_size=5))
def test_the_enclosing_box_is_the_smallest_around_all(several: list[Box]) -> None:
    around = enclosing(several)
    assert all(around.x0 <= box.x0 and around.y0 <= box.y0 and around.x1 >= box.x1 and around.y1 >= box.y1
               for box in several)  # fmt: skip
    assert around.x0 in {box.x0 for box in several} and around.y1 in {box.y1 for box in several}


def test_there_is_no_box_around_nothing() -> None:
    with pytest.raises(ValueError):
        enclosing([])
