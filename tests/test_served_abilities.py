"""What servers lack is found out once, said once, and done without; and what the engine says of itself."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import Any

import pytest
from PIL import Image

from model.engine import Limits, PageView
from model.fake import FakeEngine
from model.needs import check_needs
from model.served.engine import estimated_tokens
from schemas.contract import Contract
from schemas.errors import AnswerError, EngineUnavailable, SchemaUnsupported
from schemas.page import PageText
from tests.pages import page
from tests.scripted_server import Failure, Said, Server, serving, text
from tests.served import BILL, PAGES, ROOT, WHOLE, EngineAt, always, ask, is_held, one


class TestWhatServersLack:
    def test_a_server_that_can_everything_is_asked_twice_in_all(self, engine_at: EngineAt) -> None:
        with serving(Server(always(text(WHOLE)))) as server:
            engine = engine_at(server)
            engine.load()
            list(engine.answer([ask("a"), ask("b")]))
        assert server.trials == 2
        assert engine.info.lacking == ()
        assert engine.limits.held_to_schema and engine.limits.sees_images and engine.limits.context_tokens == 50_000

    @pytest.mark.parametrize("ignored", [False, True], ids=["refuses", "ignores"])
    @pytest.mark.parametrize(
        ("lacks", "name"),
        [
            ("schema", "holding replies to a schema"),
            ("logprobs", "log-probabilities"),
            ("images", "pictures"),
            ("detail", "pictures of more than 280 tokens"),
        ],
    )
    def test_what_it_lacks_is_found_out_once_said_once_and_done_without(
        self, engine_at: EngineAt, lacks: str, name: str, ignored: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        can = Server(always(text(WHOLE))).can - {lacks}
        scanned = PageView(
            page("Words of a scan"), lambda long_side, region: Image.new("RGB", (96, 96)), with_words=False
        )
        server = Server(always(text(WHOLE)), can=can, ignores=frozenset((lacks,) if ignored else ()))
        with serving(server), caplog.at_level(logging.WARNING):
            engine = engine_at(server)
            engine.load()
            answers = list(engine.answer([ask("a", (scanned,)), ask("b", (scanned,))]))
        assert {answer.json_text for answer in answers} == {WHOLE}
        assert engine.info.lacking == (name,)
        assert [record.message for record in caplog.records] == [f"the server at {server.url} lacks: {name}."]
        assert engine.limits.held_to_schema == (lacks != "schema")
        assert engine.limits.sees_images == (lacks != "images")
        if lacks == "images":
            assert all("Words of a scan".replace(" ", " ") in json.dumps(body) for body in server.requests)

    def test_pictures_count_as_much_as_the_server_makes_of_them(self, engine_at: EngineAt) -> None:
        view = PageView(PageText(1, 800, 400, ()), lambda long, region: Image.new("RGB", (9, 9)), visual_tokens=70)
        counts = []
        for can in (Server(always(text(WHOLE))).can, Server(always(text(WHOLE))).can - {"detail"}):
            with serving(Server(always(text(WHOLE)), can=can)) as server:
                engine = engine_at(server)
                engine.load()
                counts.append(engine.count(ask(pages=(view,))))
        assert counts[1] - counts[0] == 280 - 70

    def test_a_server_that_knows_only_the_least_still_serves(self, engine_at: EngineAt) -> None:
        with serving(Server(always(text(WHOLE)), can=frozenset())) as server:
            engine = engine_at(server)
            assert one(engine).json_text == WHOLE
        assert set(server.requests[0]) == {"messages", "model", "stream", "temperature", "max_tokens"}
        assert engine.info.lacking == (
            "switching thoughts on and off",
            "log-probabilities",
            "pictures",
            "holding replies to a schema",
        )

    def test_a_schema_that_is_too_deep_for_it_is_asked_for_without_and_that_is_said(
        self, engine_at: EngineAt, caplog: pytest.LogCaptureFixture
    ) -> None:
        def say(body: dict[str, Any]) -> Said:
            return Failure(400, "schema nested too deep") if is_held(body) else text(f"Sure: {WHOLE}")

        with serving(Server(say)) as server, caplog.at_level(logging.WARNING):
            engine = engine_at(server)
            assert [answer.json_text for answer in engine.answer([ask("a"), ask("b")])] == [WHOLE, WHOLE]
            list(engine.answer([ask("c")]))
        assert engine.info.lacking == ("taking the schema of Bill",)
        assert [record.message for record in caplog.records if "schema of Bill" in record.message] != []
        assert not is_held(server.requests[-1]), "it is not tried again"

    def test_a_reply_of_another_form_shows_that_no_grammar_held_it(self, engine_at: EngineAt) -> None:
        with serving(Server(always(text('{"invoice":"INV-1"}')))) as server:
            engine = engine_at(server)
            assert one(engine).json_text == '{"invoice":"INV-1"}'
        assert not engine.limits.held_to_schema
        assert engine.info.lacking == ("holding replies to a schema",)

    def test_a_server_that_lists_no_models_needs_its_model_named(self, engine_at: EngineAt) -> None:
        with serving(Server(always(text(WHOLE)), models=Failure(404))) as server:
            with pytest.raises(EngineUnavailable, match=r"names no models\. Give --model"):
                _ = engine_at(server).info
            engine = engine_at(server, model="mine")
            assert one(engine).finish == "stop"
        assert engine.limits.context_tokens is None
        assert server.requests[0]["model"] == "mine" and "listing its models" in engine.info.lacking

    def test_a_prompt_that_was_cut_in_silence_is_no_basis_for_an_answer(self, engine_at: EngineAt) -> None:
        long = tuple(PageView(page("\n".join(["Some words that stand here"] * 60), number)) for number in range(1, 90))
        with serving(Server(always(text(WHOLE)))) as server, pytest.raises(AnswerError, match="read only 5,000 tokens"):
            one(engine_at(server), ask(pages=long))


class TestTheBaseInstall:
    def test_it_needs_neither_torch_nor_a_grammar_of_its_own(self) -> None:
        program = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {{"torch", "transformers", "llguidance"}}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
from model.engine import Ask, EngineSpec
from model.registry import load_engine
from schemas.contract import Contract
engine = load_engine(EngineSpec("served", url=sys.argv[1]))
assert "httpx" not in sys.modules
[answer] = engine.answer([Ask("a", Contract.from_json_schema({BILL.json_schema!r}), ())])
print(answer.json_text)
"""
        with serving(Server(always(text(WHOLE)))) as server:
            command = [sys.executable, "-c", program, server.url]
            result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert result.stdout.strip() == WHOLE, result.stderr

    def test_a_schema_that_no_grammar_can_hold_is_refused_there_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("model.needs.find_spec", lambda name: None)
        reader = FakeEngine(limits=Limits(held_to_schema=True))
        check_needs(reader, BILL)
        rows = {"type": "object", "properties": {"x": {"type": "array", "contains": {"const": 1}, "prefixItems": []}}}
        with pytest.raises(SchemaUnsupported, match="/x"):
            check_needs(reader, Contract("Rows", rows))


class TestInfoAndCounting:
    def test_the_fingerprint_tells_models_and_settings_apart_and_not_addresses(
        self, engine_at: EngineAt, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with serving(Server(always(text(WHOLE)))) as server, serving(Server(always(text(WHOLE)))) as other:
            plain = engine_at(server).info.fingerprint
            monkeypatch.setenv("INTAGLIO_API_KEY", "k")
            assert engine_at(other, concurrency=3).info.fingerprint == plain
            changed = ({"model": "b"}, {"thinking": "on"}, {"output_tokens": 9}, {"revision": "r"})
            others = {engine_at(server, **settings).info.fingerprint for settings in changed}
        assert len(others | {plain}) == 5

    def test_a_revision_that_the_server_tells_is_kept(self, engine_at: EngineAt) -> None:
        with serving(Server(always(text(WHOLE)), models=[{"id": "tiny", "revision": "c0ffee"}])) as server:
            assert engine_at(server).info.revision == "c0ffee"

    def test_tokens_are_those_of_the_servers_tokenizer_else_estimated_on_the_safe_side(
        self, engine_at: EngineAt
    ) -> None:
        with (
            serving(Server(always(text(WHOLE)))) as server,
            serving(Server(always(text(WHOLE)), tokenizes=True)) as vllm,
        ):
            estimated, counted = engine_at(server).count(ask()), engine_at(vllm).count(ask())
            seeing = PageView(PAGES[0].text, lambda long_side, region: Image.new("RGB", (9, 9)), visual_tokens=280)
            more = engine_at(vllm).count(ask(pages=(seeing,)))
            assert 200 < counted < estimated < 1000
            assert more - engine_at(vllm).count(ask(pages=(PAGES[0],))) >= 266
            engine = engine_at(vllm)
            before = vllm.paths.count("/tokenize")
            engine.count(ask()), engine.count(ask())
            assert vllm.paths.count("/tokenize") == before + 2, "pages and task, once each"

    @pytest.mark.parametrize(
        ("said", "least"), [("1234", 4), ("12.50 EUR", 6), ("Invoice", 3), ("Rechnung\tNr.", 6), ("日本", 4), ("", 0)]
    )
    def test_an_estimate_counts_every_digit(self, said: str, least: int) -> None:
        assert estimated_tokens(said) >= least
