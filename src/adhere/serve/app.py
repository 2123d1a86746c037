"""The routes of the server, and what they have in common."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException

from adhere import __version__
from adhere.records import JSON
from adhere.serve import chat, completions, faults, responses, trying
from adhere.serve.answers import Service, begun, checked, noted, while_here, whole
from adhere.serve.body import Gone, read
from adhere.serve.openapi import FAILED, Described
from adhere.serve.order import Event, Order, Refusal
from adhere.serve.sampled import refuse_unknown
from adhere.serve.sse import EventStream
from adhere.serve.visit import Visit, visit_of

CLIENT_LEFT = 499
"""Nobody reads this; it stands in logs and figures."""


def app(service: Service) -> FastAPI:
    """Return the application that answers by `service`."""
    # The pages of /docs would be fetched from another server, which may not be there.
    made = Described(
        title="adhere",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=FAILED,
    )
    _answering(made, service)
    _telling(made, service)
    _failing(made)
    return made


def _answering(made: FastAPI, service: Service) -> None:
    """Add the routes that have answers written."""

    @made.post("/v1/chat/completions", tags=["answers"], summary="Go on with a conversation")
    async def _(request: Request) -> Response:
        visit = visit_of(request.scope)
        body = await read(request, chat.ChatBody)
        order = await chat.asked(body, service.asker(visit), service)
        events = _started(order, service, visit)
        if order.streamed:
            return EventStream(chat.pieces(await begun(request, events), order, body, service))
        answers = await while_here(request, whole(events))
        return JSONResponse(await chat.reply(answers, order, body, service))

    @made.post("/v1/completions", tags=["answers"], summary="Go on with a text")
    async def _(request: Request) -> Response:
        visit = visit_of(request.scope)
        body = await read(request, completions.CompletionBody)
        order = await completions.asked(body, service.asker(visit), service)
        events = _started(order, service, visit)
        if order.streamed:
            return EventStream(completions.pieces(await begun(request, events), order, body, service))
        answers = await while_here(request, whole(events))
        return JSONResponse(await completions.reply(answers, order, body, service))

    @made.post("/v1/responses", tags=["answers"], summary="Answer, in the newer of the two APIs")
    async def _(request: Request) -> Response:
        visit = visit_of(request.scope)
        body = await read(request, responses.ResponseBody)
        order = await responses.asked(body, service.asker(visit), service)
        events = _started(order, service, visit)
        if order.streamed:
            return EventStream(responses.pieces(await begun(request, events), order, body, service))
        (answer,) = await while_here(request, whole(events))
        return JSONResponse(await responses.reply(answer, order, body, service))


def _started(order: Order, service: Service, visit: Visit) -> AsyncGenerator[Event]:
    noted(visit, order, service)
    return checked(replace(order, begun=visit.entered), service, visit)


def _telling(made: FastAPI, service: Service) -> None:
    """Add the routes that say something of the server."""
    model: JSON = {"id": service.name, "object": "model", "created": service.created, "owned_by": "adhere"}

    @made.get("/v1/models", tags=["models"], summary="List the models: there is one")
    async def _() -> JSONResponse:
        return JSONResponse({"object": "list", "data": [model]})

    @made.get("/v1/models/{model_id:path}", tags=["models"], summary="Tell of the model")
    async def _(model_id: str) -> JSONResponse:
        refuse_unknown(model_id, service)
        return JSONResponse(model)

    @made.get("/healthz", tags=["server"], summary="Whether the server runs")
    async def _() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    @made.get("/readyz", tags=["server"], summary="Whether the server can answer now")
    async def _() -> JSONResponse:
        why = service.why_not_ready()
        if why:
            raise Refusal(503, f"{why} Ask again.", code="not_ready", retry_after=1)
        return JSONResponse({"status": "ready"})

    @made.get("/metrics", tags=["server"], summary="Figures for Prometheus", response_class=PlainTextResponse)
    async def _() -> Response:
        body, kind = service.figures()
        return Response(body, headers={"content-type": kind})

    @made.get("/", include_in_schema=False)
    async def _() -> HTMLResponse:
        return HTMLResponse(trying.page(), headers={"content-security-policy": trying.policy()})


def _failing(made: FastAPI) -> None:
    """Say in OpenAI's way what cannot be done."""

    @made.exception_handler(Refusal)
    async def _(request: Request, refusal: Refusal) -> Response:
        visit_of(request.scope).cause = refusal.code or "invalid_request"
        return faults.response(refusal)

    @made.exception_handler(HTTPException)
    async def _(request: Request, fault: HTTPException) -> Response:
        where = f"{request.method} {request.url.path}"[:200]
        code, why = "unknown_url", "there is no such route"
        if fault.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            code, why = "method_not_allowed", "the route has other methods"
        refusal = Refusal(fault.status_code, f"{where}: {why}. See /openapi.json.", code=code)
        visit_of(request.scope).cause = refusal.code or ""
        reply = faults.response(refusal)
        reply.headers.update(fault.headers or {})
        return reply

    @made.exception_handler(Gone)
    async def _(request: Request, _: Gone) -> Response:
        visit_of(request.scope).cause = "client_left"
        return Response(status_code=CLIENT_LEFT)

    @made.exception_handler(Exception)
    async def _(request: Request, fault: Exception) -> Response:
        # A bug: its traceback goes to the log, where it is raised again, and its words stay here.
        visit_of(request.scope).cause = type(fault).__name__
        return faults.response(Refusal(500, "The server failed; its log says how.", code="internal_error"))
