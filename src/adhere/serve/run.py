"""`adhere serve`: everything put together, and served until it is told to stop."""

import asyncio
import signal
import socket
import sys
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from types import FrameType

import uvicorn

from adhere.config import ServeConfig
from adhere.config.guarding import is_loopback
from adhere.errors import ConfigError, ModelError
from adhere.records import JSON
from adhere.schema import Schema
from adhere.serve import logs, receipt
from adhere.serve.answers import Service
from adhere.serve.app import app
from adhere.serve.compiling import Compiling
from adhere.serve.guard import Guard
from adhere.serve.keys import Keys
from adhere.serve.order import Refusal
from adhere.serve.telemetry import Telemetry, outgoing

KEEP_ALIVE = 5
"""Seconds that a connection may lie idle."""
STOPS = (signal.SIGINT, signal.SIGTERM)


def serve(config: ServeConfig) -> dict[str, JSON]:
    """Serve until a signal ends it; return what was done.

    Raises:
        AdhereError: It cannot start as it is set.
    """
    keys = None if config.keys is None else Keys(config.keys)
    default = None if config.schema is None else Schema.load(config.schema)
    receipt.make_room(config.limits)
    # Whoever has the port is told of before a model is loaded.
    with _bound(config.host, config.port) as listener:
        began = time.monotonic()
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            summary = runner.run(_serve(config, listener, keys, default))
    return {**summary, "seconds": round(time.monotonic() - began, 1)}


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    if sys.platform == "win32":
        return asyncio.new_event_loop
    import uvloop

    return uvloop.new_event_loop


async def _serve(
    config: ServeConfig, listener: socket.socket, keys: Keys | None, default: Schema | None
) -> dict[str, JSON]:
    logs.configure()
    telemetry, log = Telemetry(), logs.Log(content=config.log_content)
    opened = _local if config.upstream is None else _upstream
    async with opened(config, default, telemetry) as service:
        guarded = Guard(
            app(service),
            keys=keys,
            limits=config.limits,
            telemetry=telemetry,
            log=log,
            only_loopback=not config.open and keys is None,
        )
        server = _Server(
            uvicorn.Config(
                guarded,
                http=receipt.protocol(config.limits, telemetry, log),
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=2048,
                timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=max(1, round(config.drain)),
                h11_max_incomplete_event_size=config.limits.header_bytes,
            )
        )
        url = _address(listener)
        server.greeting = f"adhere serve: {service.name} answers at {url}/v1"
        if keys is None and not is_loopback(config.host):
            server.greeting += ", to everyone who reaches it: there are no keys"
        await server.serve(sockets=[listener])
    return {"model": service.name, "url": url, "requests": server.server_state.total_requests}


class _Server(uvicorn.Server):
    """Says when it is ready, and ends in order where a signal asks for it."""

    greeting = ""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        try:
            await super().startup(sockets)
        except OSError as fault:
            given = sockets[0].getsockname()[1] if sockets else None
            raise _taken(given, fault) from fault
        sys.stderr.write(f"{self.greeting}\n")
        sys.stderr.flush()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Stop at a signal; unlike uvicorn's own, do not die of it afterwards."""
        before = {each: signal.signal(each, self._stop) for each in STOPS}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        # Asked twice, it does not wait for answers under way.
        self.force_exit = self.should_exit
        self.should_exit = True


@asynccontextmanager
async def _local(
    config: ServeConfig, default: Schema | None, telemetry: Telemetry
) -> AsyncGenerator[Service]:
    """Open a model in this process."""
    from adhere.decode.vocabulary import Spelling
    from adhere.model import load, load_calibration
    from adhere.serve.asking import asked
    from adhere.serve.canary import canary
    from adhere.serve.engine import Engine, Rules
    from adhere.serve.promise import Promises

    model, calibration = load(config.model), load_calibration(config.model)
    rules = Rules(
        queue=config.queue,
        rows=config.rows,
        workers=config.workers,
        max_tokens=config.max_new_tokens,
        deterministic=config.deterministic,
        remembered_mib=config.remembered_mib,
        room_mib=config.room_mib,
    )
    prompts = partial(asked, tokenizer=model.tokenizer, context=model.context, manner=config.prompted)
    async with (
        Compiling(Spelling.of(model), told=telemetry.compiled) as compiling,
        Engine(model, prompts, Promises(model), rules) as engine,
    ):
        try:
            await canary(engine)
        except Refusal as refusal:
            raise ModelError(refusal.message) from refusal
        telemetry.watch(waiting=lambda: engine.standing.waiting, writing=lambda: engine.standing.writing)
        yield Service(
            backend=engine,
            compiler=compiling,
            settings=config,
            created=int(time.time()),
            name=config.called,
            default=await _admitted(default, compiling),
            calibration=calibration,
            why_not_ready=lambda: "" if engine.standing.is_ready else "The model does not answer.",
            figures=telemetry.exposition,
        )


@asynccontextmanager
async def _upstream(
    config: ServeConfig, default: Schema | None, telemetry: Telemetry
) -> AsyncGenerator[Service]:
    """Open what leads to a server upstream."""
    from adhere.serve.upstream import Upstream

    upstream = Upstream(
        config.upstream or "",
        config.upstream_model,
        config.remote,
        manner=config.prompted,
        headers=outgoing,
    )
    async with Compiling(None, told=telemetry.compiled) as compiling:
        await upstream.start()
        telemetry.watch(
            writing=lambda: upstream.standing.under_way,
            tries=lambda: upstream.standing.tries,
            broken=lambda: upstream.standing.broken,
        )
        try:
            yield Service(
                backend=upstream,
                compiler=compiling,
                settings=config,
                created=int(time.time()),
                name=config.name or upstream.model,
                default=await _admitted(default, compiling),
                each_prompt_counts=True,
                why_not_ready=lambda: upstream.why_not_ready,
                figures=telemetry.exposition,
            )
        finally:
            await upstream.close()


async def _admitted(default: Schema | None, compiling: Compiling) -> Schema | None:
    """Return the default schema, which must be one that can be promised.

    Raises:
        ConfigError: It is not.
    """
    if default is None:
        return None
    try:
        return await compiling.schema(default.source, param="serve.schema", name=default.name)
    except Refusal as refusal:
        raise ConfigError(refusal.message) from refusal


@contextmanager
def _bound(host: str, port: int) -> Generator[socket.socket]:
    """Hold a port.

    Raises:
        ConfigError: It cannot be had.
    """
    try:
        (family, kind, protocol, _, address), *_ = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as fault:
        why = f"this machine has no such address ({fault.strerror})"
        raise ConfigError.at("serve.host", host, why, fix="Use 127.0.0.1 or 0.0.0.0") from fault
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as fault:
            raise _taken(port, fault) from fault
        yield listener


def _taken(port: int | None, fault: OSError) -> ConfigError:
    why = f"the port cannot be had ({fault.strerror})"
    return ConfigError.at("serve.port", port, why, fix="Give another --port, or 0 for any that is free")


def _address(listener: socket.socket) -> str:
    host, port, *_ = listener.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
