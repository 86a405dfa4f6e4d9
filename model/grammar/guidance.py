"""Grammars compiled by llguidance for one tokenizer: which tokens may come next, for every schema that is asked for.

llguidance refuses what it cannot enforce, compiles in milliseconds and masks in microseconds. Its matchers never raise;
here every error is raised. Source: https://github.com/guidance-ai/llguidance
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llguidance import LLMatcher, LLTokenizer

from model.grammar.generation import Generation, generation_schema
from schemas.contract import Contract
from schemas.errors import AnswerError, SchemaUnsupported
from schemas.pointer import escaped

MOST_COMPILED = 128
_COMPACT = {"whitespace_flexible": False}
_MARKER = re.compile(r"<\|[^<>]*>|<[^<>]*\|>")


def check_expressible(contract: Contract) -> Generation:
    """The contract's generation schema, once a grammar was made of it; needs no tokenizer, and takes milliseconds.

    Raises SchemaUnsupported, naming the field. Call it before any document is opened.
    """
    generation = generation_schema(contract)
    seen = set()
    for pointer, part in _values(generation.schema, ""):  # a branch that no value fits is dropped where null is another
        key = json.dumps(part)
        if key not in seen and (complaint := _complaint(part)):
            raise SchemaUnsupported(
                f"field {pointer} of schema {contract.name} cannot be made a grammar: {complaint}",
                remedy="Simplify its pattern or its bounds.",
            )
        seen.add(key)
    if complaint := _complaint(generation.schema):
        raise SchemaUnsupported(
            f"schema {contract.name} cannot be made a grammar: {complaint}", remedy="Ask for it in parts."
        )
    return generation


class Grammars:
    """The compiled grammars of one tokenizer, kept by schema."""

    def __init__(self, tokenizer: LLTokenizer) -> None:
        self.tokenizer = tokenizer
        self._compiled: dict[str, LLMatcher] = {}

    @classmethod
    def of(cls, tokenizer: Any, vocabulary: int, ends: Sequence[int]) -> Grammars:
        """For a fast tokenizer of transformers; takes some seconds for 262,144 tokens.

        vocabulary: the width of the model's logits. ends: tokens that end a reply.
        """
        return cls(LLTokenizer(_with_markers(tokenizer), n_vocab=vocabulary, eos_token=list(ends)))

    def matcher(self, schema: Mapping[str, Any]) -> LLMatcher:
        """A matcher at the start of a reply. Raises SchemaUnsupported."""
        key = json.dumps(schema)
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = LLMatcher(self.tokenizer, _grammar(schema), log_level=0)
            if compiled.is_error():
                raise SchemaUnsupported(f"the schema cannot be made a grammar: {_first_line(compiled.get_error())}")
            while len(self._compiled) >= MOST_COMPILED:
                del self._compiled[next(iter(self._compiled))]
            self._compiled[key] = compiled
        return compiled.deep_copy()

    def pieces(self, tokens: Sequence[int]) -> list[bytes]:
        """What each token writes; nothing for markers such as the end of a turn."""
        return [
            b"" if self.tokenizer.is_special_token(token) else self.tokenizer.decode_bytes([token]) for token in tokens
        ]


def raise_if_broken(matcher: LLMatcher) -> None:
    """A matcher in error allows the end of the reply and nothing else, as if all were well."""
    if matcher.is_error():
        raise AnswerError(f"the grammar broke off: {_first_line(matcher.get_error())}", remedy="Ask again.")


def _grammar(schema: Mapping[str, Any]) -> str:
    grammar: str = LLMatcher.grammar_from_json_schema(json.dumps(schema), overrides=_COMPACT)
    return grammar


def _complaint(schema: Mapping[str, Any]) -> str:
    return _first_line(LLMatcher.validate_grammar(_grammar(schema)))


def _first_line(text: str) -> str:
    return " ".join(line.strip() for line in text.partition("<state>")[0].splitlines() if line.strip())[:300]


def _values(schema: Mapping[str, Any], pointer: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(the field's pointer, schema) of all that is no object, list or union."""
    for branch in schema.get("anyOf", ()):
        yield from _values(branch, pointer)
    for name, inner in schema.get("properties", {}).items():
        yield from _values(inner, f"{pointer}/{escaped(str(name))}")
    for keyword in ("items", "additionalProperties"):
        if isinstance(schema.get(keyword), Mapping):
            yield from _values(schema[keyword], f"{pointer}/*")
    if not schema.keys() & {"anyOf", "properties", "items", "additionalProperties"}:
        yield pointer, schema


def _with_markers(tokenizer: Any) -> str:
    """The tokenizer as JSON, with all markers of the wire format special, so that no text can hold one.

    In some copies `<|channel>` and its like are ordinary words.
    """
    data = json.loads(tokenizer.backend_tokenizer.to_str())
    data.update(padding=None, truncation=None)
    added = {token["id"]: token for token in data["added_tokens"]}
    for content, number in tokenizer.get_vocab().items():
        if _MARKER.fullmatch(content):
            plain = {"id": number, "content": content, "single_word": False, "lstrip": False, "rstrip": False}
            added[number] = {**plain, "normalized": False, **added.get(number, {}), "special": True}
    data["added_tokens"] = [added[number] for number in sorted(added)]
    return json.dumps(data, ensure_ascii=False)
