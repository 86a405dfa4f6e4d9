"""What a model may do while it answers: look closer at a region of a page, and find where a text stands.

Boxes are fractions of what is shown of a page, which is the page unless an ask looks closer.

Both read the ask's own pages and nothing else. Whatever is wrong with a call is answered with a text that says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rapidfuzz import fuzz

from model.engine import PageView
from model.gemma.calls import BadCall, ToolCall
from model.pictures import Picture, picture_of
from model.values.text import squash
from schemas.page import Box, PageText, Word, enclosing

MAX_CALLS = 8  # for one ask
MAX_PLACES = 20  # that one `find` names
ZOOM_TOKENS = 560  # what a region may cost
LONGEST_TEXT = 200  # characters that `find` looks for
LEAST_SIDE = 0.04  # of the page: what is smaller is shown with its surroundings
LEAST_LIKENESS = 85.0  # of a place that is not exactly the text, in percent
UNIT = 1000  # parts into which boxes divide the page's width and height

_BOX = f"four whole numbers 0 to {UNIT}: left, top, right and bottom, in {UNIT}ths of the page's width and height"


def _declaration(name: str, description: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """A tool as chat templates want it, all of its parameters required."""
    wanted = {"type": "object", "properties": parameters, "required": list(parameters)}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": wanted}}


DECLARATIONS: tuple[dict[str, Any], ...] = (
    _declaration(
        "zoom",
        "Shows a region of a page larger.",
        {
            "page": {"type": "integer", "description": "The page's number."},
            "box": {"type": "array", "description": f"The region, {_BOX}.", "items": {"type": "integer"}},
        },
    ),
    _declaration(
        "find",
        "Finds where a text stands on the pages; gives page numbers and boxes.",
        {"text": {"type": "string", "description": "The text, as it is printed."}},
    ),
)
_PARAMETERS = {tool["function"]["name"]: tool["function"]["parameters"]["required"] for tool in DECLARATIONS}


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The answer to one call. caption: what is said with the picture."""

    name: str
    response: Mapping[str, Any]
    picture: Picture | None = None
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the model asked for in one go, and what it was answered. thought: what it thought before, as text."""

    calls: tuple[ToolCall | BadCall, ...]
    results: tuple[ToolResult, ...]
    thought: str = ""

    @property
    def pictures(self) -> tuple[Picture, ...]:
        return tuple(result.picture for result in self.results if result.picture)

    def messages(self) -> list[dict[str, Any]]:
        """As the chat template wants them: the model's turn, and pictures, which responses cannot hold, in a user's."""
        shown = [part for result in self.results if result.picture for part in _shown(result)]
        turn = {
            "role": "assistant",
            "reasoning_content": self.thought,
            "tool_calls": [_called(call) for call in self.calls],
            "tool_responses": [{"name": result.name, "response": result.response} for result in self.results],
            "content": " " if shown else "",  # templates end the turn only where it says something
        }
        return [turn, {"role": "user", "content": shown}] if shown else [turn]


def run_calls(calls: Sequence[ToolCall | BadCall], pages: Sequence[PageView], made: int = 0) -> tuple[ToolResult, ...]:
    """The answer to each call. made: how many calls the ask has made before; beyond `MAX_CALLS` none is carried out."""
    return tuple(
        _run(call, pages) if made + place < MAX_CALLS else _error(call.name, "No more calls: reply with the JSON now.")
        for place, call in enumerate(calls)
    )


def _run(call: ToolCall | BadCall, pages: Sequence[PageView]) -> ToolResult:
    if isinstance(call, BadCall):
        return _error(call.name, f"The call cannot be read: {call.reason}.")
    if call.name not in _PARAMETERS:
        return _error(call.name, f"There is no such tool. There are: {', '.join(_PARAMETERS)}.")
    missing = [key for key in _PARAMETERS[call.name] if call.arguments.get(key) is None]
    if missing:
        return _error(call.name, f"The call lacks {' and '.join(missing)}.")
    if call.name == "find":
        return _find(call.arguments["text"], pages)
    return _zoom(call.arguments["page"], call.arguments["box"], pages)


def _zoom(number: Any, box: Any, pages: Sequence[PageView]) -> ToolResult:
    view = next((view for view in pages if view.text.number == number), None)
    if view is None:
        first, last = pages[0].text.number, pages[-1].text.number
        return _error("zoom", f"There is no page {number}, only {first} to {last}.")
    region = _region(box)
    if region is None:
        return _error("zoom", f"box must be {_BOX}; left before right, top before bottom.")
    picture = picture_of(view, region, ZOOM_TOKENS)
    if picture is None:
        return _error("zoom", f"Page {number} has no picture, only its words.")
    caption = f"Page {number}, region {_thousandths(region)}"
    return ToolResult("zoom", {"picture": "follows"}, picture, caption)


def _region(box: Any) -> Box | None:
    """The box as fractions, with at least some surroundings; None where it is none."""
    numbers = box if isinstance(box, list) else []
    if len(numbers) != 4 or not all(isinstance(x, int | float) and not isinstance(x, bool) for x in numbers):
        return None
    unit = 1 if max(numbers) <= 1 else UNIT  # fractions mean what they say
    x0, y0, x1, y1 = (min(max(x / unit, 0.0), 1.0) for x in numbers)
    if x0 >= x1 or y0 >= y1:
        return None
    (left, right), (top, bottom) = _at_least(x0, x1), _at_least(y0, y1)
    return Box(left, top, right, bottom)


def _at_least(begin: float, end: float) -> tuple[float, float]:
    half = max(end - begin, LEAST_SIDE) / 2
    middle = min(max((begin + end) / 2, half), 1 - half)
    return max(0.0, middle - half), min(1.0, middle + half)


def _find(text: Any, pages: Sequence[PageView]) -> ToolResult:
    wanted = squash(str(text)[:LONGEST_TEXT])
    if not wanted:
        return _error("find", "text must hold a letter or a digit.")
    indexes = [_Index(view.text) for view in pages]
    found = [place for index in indexes for place in index.exact(wanted)]
    found = found or [place for index in indexes for place in index.alike(wanted)]
    if not found:
        return ToolResult("find", {"places": [], "note": "No page's words state it."})
    shown = {view.text.number: view.region for view in pages}
    response: dict[str, Any] = {
        "places": [_place(number, words, shown[number]) for number, words in found[:MAX_PLACES]]
    }
    if len(found) > MAX_PLACES:
        response["note"] = f"{len(found) - MAX_PLACES} more places are left out."
    return ToolResult("find", response)


class _Index:
    """A page's words without blanks, case, accents and punctuation, one after the other."""

    def __init__(self, page: PageText) -> None:
        self.page = page
        self.owner: list[int] = []  # for each character, which word has it
        pieces = [squash(word.text) for word in page.words]
        self.lengths = [len(piece) for piece in pieces]
        for place, length in enumerate(self.lengths):
            self.owner += [place] * length
        self.text = "".join(pieces)

    def exact(self, wanted: str) -> Iterator[tuple[int, tuple[Word, ...]]]:
        """Every place where the text stands from the begin of a word to the end of one, else every place at all."""
        begins, begin = [], self.text.find(wanted)
        while begin >= 0:
            begins.append(begin)
            begin = self.text.find(wanted, begin + len(wanted))
        whole = [begin for begin in begins if self._is_whole(begin, begin + len(wanted))]
        for begin in whole or begins:
            yield self.page.number, self._words(begin, begin + len(wanted))

    def alike(self, wanted: str) -> Iterator[tuple[int, tuple[Word, ...]]]:
        """The place that is most like it, if it is enough so, as where OCR misread it."""
        if len(self.text) < len(wanted):
            return
        best = fuzz.partial_ratio_alignment(wanted, self.text, score_cutoff=LEAST_LIKENESS)
        if best is not None:
            covered = Counter(self.owner[best.dest_start : best.dest_end])
            mostly = [place for place, count in covered.items() if 2 * count >= self.lengths[place]]
            if mostly:
                yield self.page.number, self.page.words[mostly[0] : mostly[-1] + 1]

    def _is_whole(self, begin: int, end: int) -> bool:
        at_begin = begin == 0 or self.owner[begin - 1] != self.owner[begin]
        at_end = end == len(self.owner) or self.owner[end - 1] != self.owner[end]
        return at_begin and at_end

    def _words(self, begin: int, end: int) -> tuple[Word, ...]:
        return self.page.words[self.owner[begin] : self.owner[end - 1] + 1]


def _place(number: int, words: Sequence[Word], shown: Box) -> dict[str, Any]:
    box = enclosing(word.box for word in words).within(shown)
    return {"page": number, "box": _thousandths(box), "text": " ".join(word.text for word in words)}


def _thousandths(box: Box) -> list[int]:
    return [min(max(round(side * UNIT), 0), UNIT) for side in box]


def _error(name: str, message: str) -> ToolResult:
    return ToolResult(name or "unknown", {"error": message})


def _called(call: ToolCall | BadCall) -> dict[str, Any]:
    """The call as the model made it, less what is no parameter: templates write keys as they are."""
    given = call.arguments if isinstance(call, ToolCall) else {}
    arguments = {key: given[key] for key in _PARAMETERS.get(call.name, ()) if key in given}
    return {"type": "function", "function": {"name": call.name or "unknown", "arguments": arguments}}


def _shown(result: ToolResult) -> list[dict[str, Any]]:
    return [{"type": "text", "text": result.caption}, {"type": "image"}]
