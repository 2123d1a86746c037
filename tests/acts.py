"""A server on loopback that acts out, well or badly, what a test tells it."""

import json
import threading
import time
from collections.abc import Callable, Mapping

from tests.loopback import LoopbackHandler, LoopbackServer

Act = Callable[["Handler"], None]


class Handler(LoopbackHandler):
    """Reads a request and acts it out."""

    server: "Server"  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        if self.server.models_status != 200:
            refuses(self.server.models_status)(self)
            return
        models = [{"id": name, "object": "model"} for name in self.server.models]
        self.answer(json.dumps({"object": "list", "data": models}).encode())

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        if len(sent) < int(self.headers["Content-Length"]):
            return  # who asked has gone away
        self.asked = json.loads(sent)
        self.server.arrive(self)
        try:
            self.server.act(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            self.server.leave()


class Server(LoopbackServer):
    """Acts in turn, the last act over and over, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(Handler)
        self.acts: list[Act] = [says("fine")]
        self.asked: list[dict[str, object]] = []
        self.models = ["fake"]
        self.models_status = 200
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.times: list[float] = []
        self.most_at_once = 0
        self.let_go = threading.Event()
        self._at_once = 0
        self._lock = threading.Lock()

    def arrive(self, handler: Handler) -> None:
        with self._lock:
            self.asked.append(handler.asked)
            self.paths.append(handler.path)
            self.headers.append({name.lower(): value for name, value in handler.headers.items()})
            self.times.append(time.monotonic())
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)

    def leave(self) -> None:
        with self._lock:
            self._at_once -= 1

    def act(self, handler: Handler) -> None:
        with self._lock:
            act = self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]
        act(handler)


def completion(
    text: str | None, *, finish_reason: str = "stop", usage: tuple[int, int] | None = (10, 5)
) -> bytes:
    message = {"role": "assistant", "content": text}
    body: dict[str, object] = {"choices": [{"message": message, "finish_reason": finish_reason}]}
    if usage is not None:
        body["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1]}
    return json.dumps(body).encode()


def says(text: str | None, *, finish_reason: str = "stop", usage: tuple[int, int] | None = (10, 5)) -> Act:
    return lambda handler: handler.answer(completion(text, finish_reason=finish_reason, usage=usage))


def echoes(handler: Handler) -> None:
    handler.answer(completion(handler.asked["messages"][-1]["content"]))


def sends(body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Act:
    return lambda handler: handler.answer(body, status=status, headers=headers)


def refuses(status: int, *, headers: Mapping[str, str] | None = None, said: str = "no") -> Act:
    body = json.dumps({"error": {"message": said, "type": "t", "param": None, "code": None}}).encode()
    return sends(body, status=status, headers=headers)


def waits(seconds: float, then: Act) -> Act:
    def act(handler: Handler) -> None:
        time.sleep(seconds)
        then(handler)

    return act


def hangs(handler: Handler) -> None:
    handler.server.let_go.wait(30)
    handler.close_connection = True


def drips(handler: Handler) -> None:
    """Send a byte every now and then, so that no single read ever takes long."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(1000):
        handler.wfile.write(b" ")
        if handler.server.let_go.wait(0.02):
            break


def breaks_off(handler: Handler) -> None:
    """Promise more than comes."""
    body = completion("never whole")
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[:20])
    handler.close_connection = True


def floods(handler: Handler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while not handler.server.let_go.is_set():
        handler.wfile.write(b" " * 65536)
    handler.close_connection = True
