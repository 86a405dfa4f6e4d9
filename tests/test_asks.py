"""From plans to asks, and plans again where the engine's own count says that the first is too large."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from model.engine import Ask, EngineSpec, Limits, PageView
from model.fake import FakeEngine
from model.wording import conversation, schema_text
from pipeline.document import open_document
from pipeline.plan import make_plan, views
from pipeline.planning.asks import asks_of, fitted
from pipeline.planning.tokens import text_tokens
from pipeline.read import read_pages
from schemas.errors import DocumentTooLarge
from schemas.registry import load_contract
from tests.test_plan import LEDGER, postings

SAMPLES = Path(__file__).parent.parent / "sample_docs"


class Counting(FakeEngine):
    """A fake engine whose tokens are dearer than is foreseen, by a factor."""

    def __init__(self, factor: float, limits: Limits) -> None:
        super().__init__(limits=limits)
        self.factor = factor
        self.counted = 0

    def count(self, ask: Ask) -> int:
        self.counted += 1
        plan = make_plan(
            [view.text for view in ask.pages], ask.contract, Limits(output_tokens=self.limits.output_tokens)
        )
        return int(self.factor * plan.windows[0].tokens) + (self.limits.output_tokens or 0)


def seen(count: int) -> list[PageView]:
    return [PageView(postings(30, number)) for number in range(1, count + 1)]


def test_where_the_engine_counts_more_than_was_foreseen_less_is_planned() -> None:
    roomy = make_plan([view.text for view in seen(20)], LEDGER, Limits(100_000, 2000)).windows[0].tokens
    engine = Counting(1.5, Limits(context_tokens=int(1.2 * roomy) + 2000, output_tokens=2000))
    plan, asks = fitted(seen(20), LEDGER, engine)
    assert len(plan.windows) > 1
    assert all(engine.count(ask) <= engine.limits.context_tokens for ask in asks if engine.limits.context_tokens)


def test_where_it_fits_the_engine_is_asked_once_for_its_count() -> None:
    engine = Counting(0.9, Limits(context_tokens=100_000, output_tokens=2000))
    plan, asks = fitted(seen(4), LEDGER, engine)
    assert engine.counted == 1
    assert [ask.id for ask in asks] == [ask.id for ask in asks_of(plan, LEDGER, seen(4))]


def test_an_engine_without_bounds_is_never_asked_for_its_count() -> None:
    engine = Counting(1.0, Limits())
    _, asks = fitted(seen(4), LEDGER, engine)
    assert engine.counted == 0
    assert [ask.id for ask in asks] == ["document"]


def test_a_document_whose_tokens_no_plan_foresees_is_refused_by_name() -> None:
    engine = Counting(400.0, Limits(context_tokens=20_000, output_tokens=2000))
    with pytest.raises(DocumentTooLarge, match=r"^a\.pdf"):
        fitted(seen(3), LEDGER, engine, document="a.pdf")


def test_the_asks_of_a_plan_fit_a_real_engine_of_another_vocabulary(tiny_checkpoint: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from model.gemma.engine import GemmaEngine

    folder = tmp_path / "tiny"
    shutil.copytree(tiny_checkpoint, folder)
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["max_position_embeddings"] = 16_000
    (folder / "config.json").write_text(json.dumps(config))
    engine = GemmaEngine(EngineSpec("gemma", str(folder), quantisation="none", output_tokens=1024))
    contract = load_contract("bank_statement")
    with open_document(SAMPLES / "statements/business-en-12-pages.pdf") as document:
        pages = list(read_pages(document))
        shown = views(document, pages, engine.limits)
        plan, asks = fitted(shown, contract, engine)
        assert len(plan.windows) > 1
        largest = max(asks, key=lambda ask: sum(len(view.text.words) for view in ask.pages))
        assert engine.count(largest) <= 16_000


@pytest.mark.parametrize(
    ("file", "name", "output"),
    [
        ("statements/giro-de.pdf", "bank_statement", 8192),
        ("statements/giro-de.pdf", "bank_statement", 900),
        ("invoices/testwaren-de-3-pages.pdf", "invoice", 8192),
        ("statements/business-en-12-pages.pdf", "bank_statement", 2048),
    ],
)
def test_what_is_foreseen_of_a_prompt_is_no_less_than_its_wording(file: str, name: str, output: int) -> None:
    limits = Limits(262_144, output, sees_images=True)
    with open_document(SAMPLES / file) as document:
        pages = list(read_pages(document))
        contract = load_contract(name)
        plan = make_plan(pages, contract, limits)
        asks = asks_of(plan, contract, views(document, pages, limits))
    [window] = plan.windows
    for ask, part in zip(asks, window.slices, strict=True):
        system, user, pictures = conversation(ask, schema_text(ask))
        words = text_tokens(system["content"]) + sum(text_tokens(piece.get("text", "")) for piece in user["content"])
        said = words + sum(picture.tokens + 2 for picture in pictures)
        assert said <= window.tokens + part.task <= 1.05 * said + 400
