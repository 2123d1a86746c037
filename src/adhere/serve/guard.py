"""What stands in front of the routes: who asks, may they, how much, and how long a request may take to come.

A request reaches the routes whole and allowed, or not at all. So a slow sender costs a connection, no more.
"""

import re
import sys
import time
from contextlib import ExitStack
from typing import NamedTuple
from urllib.parse import urlsplit

import structlog
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Asked

from adhere.config.guarding import LimitSettings, Scope, is_loopback
from adhere.serve import faults
from adhere.serve.allowance import Allowance, Allowances
from adhere.serve.bodies import Bodies
from adhere.serve.keys import Key, Keys, Stranger
from adhere.serve.limits import body_too_large, head_too_large
from adhere.serve.logs import Log
from adhere.serve.order import Refusal
from adhere.serve.telemetry import Telemetry
from adhere.serve.visit import Visit, id_of, visit_of

OPEN = frozenset({"/", "/healthz", "/readyz", "/openapi.json"})
"""Paths that ask for no key."""
SCOPES: dict[str, Scope] = {
    "/metrics": "metrics",
    "/v1/models": "models",
    "/v1/chat/completions": "generate",
    "/v1/completions": "generate",
    "/v1/responses": "generate",
}
"""What a key must allow. A path that is not here needs `generate`."""

_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_LEFT = 499
"""Status in logs and figures where the client left before there was one, as nginx has it."""


class Guard:
    """An ASGI application in front of another."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: Keys | None = None,
        limits: LimitSettings | None = None,
        telemetry: Telemetry | None = None,
        log: Log | None = None,
        only_loopback: bool = False,
    ) -> None:
        """Stand in front of an application.

        Args:
            app: The routes.
            keys: Who may ask; `None` lets everyone in.
            limits: Of a request.
            telemetry: Counts requests; by default nobody reads it.
            log: Tells of requests.
            only_loopback: Whether requests must name this machine as their host. That keeps a page in a
                browser from asking a server without keys in its user's name: it could only under a name of
                its own that it makes point here.
        """
        self._app = app
        self._keys = keys
        self._limits = limits or LimitSettings()
        self._telemetry = telemetry or Telemetry()
        self._log = log or Log()
        self._only_loopback = only_loopback
        self._allowances = Allowances()
        self._bodies = Bodies(self._limits, self._telemetry.held)

    async def __call__(self, scope: Asked, receive: Receive, send: Send) -> None:
        """Answer a request, or have it answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        head = _Head.of(scope)
        path = str(scope["path"])
        # The connection makes a visit where it refuses the rest of a request.
        is_refused = "visit" in scope.setdefault("state", {})
        visit = visit_of(scope)
        visit.id = visit.id if is_refused else id_of(head.first(b"x-request-id"))
        visit.method, visit.route = scope["method"], _route(path)
        visit.began = scope["state"].get("began", visit.began)
        reply = _Reply(visit, send)
        # For every line logged in this task, also after the request: uvicorn has a task for each.
        structlog.contextvars.bind_contextvars(request_id=visit.id)
        with self._telemetry.visiting(visit, head.trace):
            try:
                await self._answer(scope, receive, reply)
            finally:
                visit.status = visit.status or (500 if isinstance(sys.exception(), Exception) else _LEFT)
                visit.ended = time.monotonic()
                if reply.allowance is not None:
                    reply.allowance.charge(visit.due)
                self._telemetry.ended(visit)
                self._log.ended(visit, path=path)

    async def _answer(self, scope: Asked, receive: Receive, reply: "_Reply") -> None:
        with ExitStack() as held:
            try:
                head = _Head.of(scope)
                self._check_head(head)
                self._let_in(head, str(scope["path"]), reply, held)
                body = await self._body(head, receive, reply.visit, held)
            except Refusal as refusal:
                await reply.refuse(refusal)
                return
            if body is not None:
                await self._app(scope, _given(body, receive), reply.send)

    def _check_head(self, head: "_Head") -> None:
        if head.size > self._limits.header_bytes:
            raise head_too_large(self._limits)
        host = head.first(b"host")
        if self._only_loopback and host is not None and not _names_loopback(host):
            message = (
                f"host = {host.decode('latin-1')[:80]!r}: this server has no keys, so it answers to "
                "localhost only. Ask at 127.0.0.1, or run it with --keys or --open."
            )
            raise Refusal(403, message, code="host_not_allowed")

    def _let_in(self, head: "_Head", path: str, reply: "_Reply", held: ExitStack) -> None:
        """Find out whose request it is, and take one from what they may ask for.

        Raises:
            Refusal: Nobody's who may ask for that, or not now.
        """
        if self._keys is None or path in OPEN:
            return
        key = _owner(self._keys, head)
        needed = SCOPES.get(_route(path), "generate")
        reply.visit.client = key.name
        if needed not in key.scopes:
            message = f"This key may not do that: it has no scope {needed}. Use a key that has it."
            raise Refusal(403, message, code="insufficient_scope")
        if needed == "generate":
            reply.allowance = self._allowances.of(key.name)
            held.enter_context(reply.allowance.asking(key))

    async def _body(self, head: "_Head", receive: Receive, visit: Visit, held: ExitStack) -> bytes | None:
        """Return the whole body; `None` where the client left.

        Raises:
            Refusal: It is too large, or did not come in time.
        """
        declared = head.first(b"content-length")
        if declared is not None and int(declared) > self._limits.body_bytes:
            raise body_too_large(self._limits)
        place = held.enter_context(self._bodies.held())
        left = self._limits.receipt - (time.monotonic() - visit.began)
        body = await self._bodies.read(place, receive, within=left)
        visit.body_bytes = len(body or b"")
        visit.came = time.monotonic()
        return body


class _Head(NamedTuple):
    """Headers of a request, as they came."""

    headers: list[tuple[bytes, bytes]]
    size: int
    """In bytes, near enough."""

    @classmethod
    def of(cls, scope: Asked) -> "_Head":
        headers = list(scope["headers"])
        target = len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"")
        return cls(headers, target + sum(len(name) + len(value) + 4 for name, value in headers))

    def all(self, name: bytes) -> list[bytes]:
        return [value for each, value in self.headers if each == name]

    def first(self, name: bytes) -> bytes | None:
        return next(iter(self.all(name)), None)

    @property
    def trace(self) -> dict[str, str]:
        """Headers that say which trace the request is part of."""
        names = (b"traceparent", b"tracestate")
        return {name.decode(): value.decode("latin-1") for name, value in self.headers if name in names}


class _Reply:
    """Passes on a reply, and notes what becomes of it."""

    def __init__(self, visit: Visit, send: Send) -> None:
        self.visit = visit
        self.allowance: Allowance | None = None
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.visit.status = message["status"]
            ours = [(b"x-request-id", self.visit.id.encode())]
            ours += self.allowance.headers if self.allowance else []
            theirs = [pair for pair in message.get("headers", []) if pair[0] != b"x-request-id"]
            message = {**message, "headers": [*theirs, *ours]}
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.visit.whole = self.visit.status != _LEFT

    async def refuse(self, refusal: Refusal) -> None:
        headers, body = faults.answer(refusal)
        self.visit.cause = refusal.code or ""
        if refusal.status in (408, 431):
            headers.append((b"connection", b"close"))
        await self.send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


def _given(body: bytes, receive: Receive) -> Receive:
    """Return what gives a body that was read, and from then on what `receive` gives: that the client left."""
    unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def given() -> Message:
        return unread.pop() if unread else await receive()

    return given


def _owner(keys: Keys, head: _Head) -> Key:
    """Return the key that a request was sent with.

    Raises:
        Refusal: It has none that works.
    """
    given = head.all(b"authorization")
    match = _BEARER.fullmatch(given[0].decode("latin-1").strip()) if len(given) == 1 else None
    if match is None:
        message = "An API key must be given, once, in the header Authorization: Bearer KEY."
        raise Refusal(401, message, code="invalid_api_key")
    found = keys.owner(match[1])
    if isinstance(found, Stranger):
        raise Refusal(401, found.why, code="invalid_api_key")
    return found


def _route(path: str) -> str:
    """Return the name under which a path is counted: few, whatever strangers ask for."""
    if path in OPEN or path in SCOPES:
        return path
    return "/v1/models" if path.startswith("/v1/models/") else "other"


def _names_loopback(host: bytes) -> bool:
    try:
        name = urlsplit(f"//{host.decode('latin-1')}").hostname
    except ValueError:
        return False
    return name is not None and is_loopback(name)
