"""A small OpenAI-compatible server over a Gemma checkpoint, for tests and benchmarks: real HTTP, model and grammar.

    python -m tests.served_server CHECKPOINT PORT

Requests that wait are written as one batch, by transformers' own `generate`, greedily: chat template, pictures from
data URLs, JSON Schema held by llguidance, log-probabilities, streaming. A client that goes away ends its row.
"""

from __future__ import annotations

import base64
import io
import json
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import torch
from PIL import Image
from transformers import Gemma4ForConditionalGeneration
from transformers.generation import LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList
from transformers.generation.streamers import BaseStreamer

from model.gemma.processor import IMAGE, Processor, load_processor
from model.gemma.prompt import Prompt
from model.grammar.constraint import Constraint, Masked
from model.grammar.guidance import Grammars
from model.grammar.rows import Markers, Row, Rule
from model.pictures import Picture
from schemas.page import WHOLE_PAGE
from tests.batches import batched

AT_ONCE = 16  # rows of a batch
NAME = "tiny"


@dataclass(eq=False)
class Request:
    """One reply that is wanted. said: (token, log-probability), and None at its end."""

    body: Mapping[str, Any]
    prompt: Prompt
    said: SimpleQueue[tuple[int, float] | None] = field(default_factory=SimpleQueue)
    written: int = 0
    over: bool = False
    finish: str = "length"

    @property
    def schema(self) -> Mapping[str, Any] | None:
        wanted = self.body.get("response_format") or {}
        found: Mapping[str, Any] | None = wanted.get("json_schema", {}).get("schema")
        return found


class Model:
    """The checkpoint, in float32, and a thread that writes whatever waits."""

    def __init__(self, checkpoint: Path) -> None:
        self.processor: Processor = load_processor(checkpoint)
        self.model = Gemma4ForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32).eval()
        ends = self.model.generation_config.eos_token_id
        self.stops = frozenset([ends] if isinstance(ends, int) else ends)
        vocabulary = self.model.config.get_text_config().vocab_size
        self.grammars = Grammars.of(self.processor.tokenizer, vocabulary, sorted(self.stops))
        self.markers = Markers.of(self.processor.tokenizer, sorted(self.stops))
        self.waiting: SimpleQueue[Request] = SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def request(self, body: Mapping[str, Any]) -> Request:
        """Raises ValueError for what is no chat."""
        messages, pictures = [], []
        for message in body["messages"]:
            parts = message["content"]
            if isinstance(parts, list):
                pictures += [_picture(part["image_url"]["url"]) for part in parts if part["type"] == "image_url"]
                parts = [{"type": "image"} if part["type"] == "image_url" else part for part in parts]
            messages.append({**message, "content": parts})
        thinking = bool((body.get("chat_template_kwargs") or {}).get("enable_thinking"))
        ids: list[int] = []
        left, image = iter(pictures), self.processor.ids[IMAGE]
        begin, end = self.processor.ids["<|image>"], self.processor.ids["<image|>"]
        for number in self.processor.chat_ids(messages, thinking=thinking):
            ids += [begin, *[image] * next(left).tokens, end] if number == image else [number]
        request = Request(body, Prompt("served", tuple(ids), 0, tuple(pictures)))
        if request.schema is not None:
            self.grammars.matcher(request.schema)  # raises SchemaUnsupported
        return request

    def _work(self) -> None:
        while True:
            batch = [self.waiting.get()]
            time.sleep(0.005)
            while len(batch) < AT_ONCE:
                try:
                    batch.append(self.waiting.get_nowait())
                except Empty:
                    break
            try:
                self._write(batch)
            except Exception:  # the next batch may fare better
                traceback.print_exc()
            for request in batch:
                request.over = True
                request.said.put(None)

    @torch.inference_mode()
    def _write(self, batch: Sequence[Request]) -> None:
        inputs = batched(self.processor, [request.prompt for request in batch])
        rows = [Row(Rule(request.schema), self.grammars, self.markers) for request in batch]
        notes = _Notes(Constraint(self.grammars), rows)
        self.model.generate(
            **{name: value for name, value in inputs.items() if name != "position_ids"},
            do_sample=False,
            max_new_tokens=max(int(request.body["max_tokens"]) for request in batch),
            logits_processor=LogitsProcessorList([notes]),
            stopping_criteria=StoppingCriteriaList([_Over(batch)]),
            streamer=_Streamer(batch, notes, self.stops),
        )


class _Notes(LogitsProcessor):
    """The grammar, and the log-probabilities that it leaves."""

    def __init__(self, constraint: Constraint, rows: Sequence[Row]) -> None:
        self.constraint, self.rows = constraint, rows
        self.masked: Masked | None = None
        self.logprobs = torch.empty(0)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if self.masked is not None:
            self.constraint.take(self.rows, self.masked, input_ids[:, -1])
        self.masked = self.constraint.mask(self.rows, scores)
        self.logprobs = self.masked.scores.float().log_softmax(-1)
        return self.masked.scores


class _Over(StoppingCriteria):
    def __init__(self, batch: Sequence[Request]) -> None:
        self.batch = batch

    def __call__(self, input_ids: torch.Tensor, scores: Any, **options: Any) -> torch.Tensor:
        return torch.tensor([request.over for request in self.batch])


class _Streamer(BaseStreamer):
    def __init__(self, batch: Sequence[Request], notes: _Notes, stops: frozenset[int]) -> None:
        self.batch, self.notes, self.stops = batch, notes, stops
        self.prompt = True

    def put(self, value: torch.Tensor) -> None:
        if self.prompt:  # generate begins with it
            self.prompt = False
            return
        for row, (request, token) in enumerate(zip(self.batch, value.tolist(), strict=True)):
            if request.over:
                continue
            request.written += 1
            if token in self.stops:
                request.over, request.finish = True, "stop"
            else:
                request.said.put((token, float(self.notes.logprobs[row, token])))
            request.over = request.over or request.written >= int(request.body["max_tokens"])
            if request.over:
                request.said.put(None)

    def end(self) -> None:
        pass


def _picture(url: str) -> Picture:
    image = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
    image.load()
    return Picture(lambda long_side, region: image, WHOLE_PAGE, image.width, image.height, max(image.size))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    model: Model

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        length = self.model.model.config.get_text_config().max_position_embeddings
        self._give(200, {"data": [{"id": NAME, "max_model_len": length}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            request = self.model.request(body)
        except Exception as error:  # a server answers whatever it is sent
            self._give(400, {"error": {"message": f"{type(error).__name__}: {error}"}})
            return
        self.model.waiting.put(request)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            for event in self._events(request):
                self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")
            self.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            request.over = True
        self.close_connection = True

    def _events(self, request: Request) -> Iterator[dict[str, Any]]:
        """A token's text is told once its bytes are whole characters."""
        rest = b""
        while (said := request.said.get()) is not None:
            token, logprob = said
            [piece] = self.model.grammars.pieces([token])
            rest += piece
            try:
                text, rest = rest.decode(), b""
            except UnicodeDecodeError:
                text = ""
            entry = {"token": text, "logprob": logprob, "bytes": list(piece)}
            yield {"choices": [{"delta": {"content": text}, "logprobs": {"content": [entry]}}]}
        yield {"choices": [{"delta": {}, "finish_reason": request.finish}]}
        tokens = {"prompt_tokens": len(request.prompt.ids), "completion_tokens": request.written}
        yield {"choices": [], "usage": tokens}

    def _give(self, status: int, data: Any) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Threads(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""


def server_of(checkpoint: Path, port: int = 0) -> Threads:
    handler = type("Bound", (Handler,), {"model": Model(checkpoint)})
    return Threads(("127.0.0.1", port), handler)


def main() -> None:
    torch.set_num_threads(1)
    server_of(Path(sys.argv[1]), int(sys.argv[2])).serve_forever()


if __name__ == "__main__":
    main()
