"""Whether a server obeys is found out at the start and from time to time, and said aloud."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from tests.acts import Act, breaks_off, completion, refuses, says, sends
from tests.serve.test_upstream import RIGHT, VLLM, WRONG, Decoder, ended, events, order, run, started

from adhere.config.remote import Dialect, RemoteSettings
from adhere.endpoint.line import Fault
from adhere.errors import AdhereError, ConfigError, ModelError
from adhere.serve.order import Refusal
from adhere.serve.remote import Remote
from adhere.serve.upstream import Upstream
from adhere.serve.vigil import Vigil

AUTO = RemoteSettings(seconds=5)


@pytest.fixture
def server() -> Iterator[Decoder]:
    server = Decoder()
    server.acts = [says(RIGHT)]
    with server.running():
        yield server
        server.let_go.set()


async def until(claim: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


def does_not_start(server: Decoder, settings: RemoteSettings) -> AdhereError:
    async def work() -> None:
        async with started(server, settings):
            raise AssertionError

    with pytest.raises(AdhereError) as raised:
        run(work())
    assert "\n" not in str(raised.value)
    return raised.value


@pytest.mark.parametrize("refuses_others", [False, True], ids=["dropped", "refused"])
@pytest.mark.parametrize(
    ("obeys", "dialect", "canaries"),
    [
        pytest.param({"vllm", "openai"}, "vllm", 1, id="the one that can say most"),
        pytest.param({"llamacpp", "openai"}, "llamacpp", 2, id="llama.cpp's"),
        pytest.param({"openai"}, "openai", 3, id="everybody's"),
    ],
)
def test_the_dialect_is_found_out(
    server: Decoder, obeys: set[Dialect], dialect: Dialect, canaries: int, *, refuses_others: bool
) -> None:
    server.obeys, server.refuses_others = obeys, refuses_others

    async def work() -> None:
        async with started(server, AUTO) as upstream:
            assert (upstream.standing.dialect, upstream.why_not_ready) == (dialect, "")
            assert server.canaries == canaries

    run(work())


@pytest.mark.parametrize("dialect", ["auto", "vllm", "openai", "llamacpp"])
def test_a_server_that_drops_what_it_is_told_is_not_served(server: Decoder, dialect: Dialect) -> None:
    server.obeys = set()
    error = does_not_start(server, replace(AUTO, dialect=dialect))
    assert isinstance(error, ModelError)
    assert "does not keep to a schema" in str(error)
    assert 'it answered \'{"code": "0"}\', which the schema forbids' in str(error)
    assert "--remote.unconstrained" in str(error)


@pytest.mark.parametrize("dialect", ["auto", "vllm"])
def test_a_server_that_drops_what_it_is_told_is_served_and_labelled_where_that_is_allowed(
    server: Decoder, dialect: Dialect
) -> None:
    server.obeys = set()
    server.acts = [says(WRONG), says(RIGHT)]
    last = ended(server, order(), replace(AUTO, dialect=dialect, unconstrained=True))
    assert (last.text, last.tries, last.note) == (RIGHT, 2, {"constrained": False})


def test_a_server_that_loses_it_later_turns_readiness_off_until_it_is_back(server: Decoder) -> None:
    async def work() -> None:
        async with started(server, replace(AUTO, canary=0.05)) as upstream:
            assert upstream.why_not_ready == ""
            server.obeys = set()
            await until(lambda: "does not keep to a schema" in upstream.why_not_ready)
            *_, last = await events(upstream, order())
            assert getattr(last, "note", None) == {"constrained": False}, "checked all the same, and labelled"
            server.obeys = {"vllm"}
            await until(lambda: upstream.why_not_ready == "")

    run(work())


def test_doubt_has_the_canary_asked_soon(server: Decoder) -> None:
    async def work() -> None:
        remote = Remote(server.url, "fake", VLLM)
        vigil = Vigil(remote, replace(VLLM, canary=600), soonest=0.05)
        await vigil.begin()
        await asyncio.sleep(0.2)
        assert server.canaries == 1, "the next is due in ten minutes"
        server.obeys = set()
        vigil.doubt()
        await until(lambda: not vigil.is_obeyed)
        assert "does not keep to a schema" in vigil.why
        await vigil.close()
        await remote.close()

    run(work())


def test_a_reply_that_breaks_what_the_server_was_told_makes_one_doubt(server: Decoder) -> None:
    server.acts = [says(WRONG), says(RIGHT)]
    server.obeys = {"vllm"}

    async def work() -> None:
        async with started(server, replace(VLLM, canary=0.3)) as upstream:
            await events(upstream, order())
            await until(lambda: server.canaries == 2)

    run(work())


def test_a_server_that_is_not_there_yet_is_waited_for(server: Decoder) -> None:
    server.everything = breaks_off

    async def work() -> None:
        async with started(server, AUTO) as upstream:
            assert "cannot be asked yet" in upstream.why_not_ready
            with pytest.raises(Refusal) as raised:
                await events(upstream, order())
            assert (raised.value.status, raised.value.code) == (503, "upstream_down")
            assert not server.requests()
            server.everything = None
            await until(lambda: upstream.why_not_ready == "")
            assert len(await events(upstream, order())) == 2

    run(work())


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        pytest.param(refuses(401), ConfigError, "the server asks for a key", id="a key that is missing"),
        pytest.param(refuses(404), ModelError, "there is no such model", id="no such model"),
    ],
)
def test_what_concerns_every_request_stops_the_start(
    server: Decoder, act: Act, error: type[AdhereError], message: str
) -> None:
    server.everything = act
    found = does_not_start(server, replace(AUTO, key_from="NOT_SET"))
    assert isinstance(found, error)
    assert message in str(found)


@pytest.mark.parametrize(
    ("text", "reason", "why"),
    [
        pytest.param("{", "length", "cannot be asked yet: its answer was cut off", id="cut on the way"),
        pytest.param("<think>no", "length", "", id="cut elsewhere"),
    ],
)
def test_a_canary_that_was_cut_off_tells_by_how_far_it_came(
    server: Decoder, text: str, reason: str, why: str
) -> None:
    server.everything = sends(completion(text, finish_reason=reason))

    async def work() -> None:
        async with started(server, VLLM) as upstream:
            assert why in upstream.why_not_ready

    if why:
        run(work())
    else:
        with pytest.raises(ModelError, match="does not keep to a schema"):
            run(work())


@pytest.mark.parametrize(
    ("models", "message"),
    [
        pytest.param([], "it lists no models", id="none"),
        pytest.param(["a", "b"], "it has 2 models: a, b", id="several"),
    ],
)
def test_a_model_that_is_not_named_must_be_the_only_one(
    server: Decoder, models: list[str], message: str
) -> None:
    server.models = models

    async def work() -> None:
        await Upstream(server.url, None, AUTO).start()

    with pytest.raises(ModelError, match=message):
        run(work())


@pytest.mark.parametrize(
    ("status", "message"),
    [
        pytest.param(500, "cannot be asked yet: HTTP 500", id="later perhaps"),
        pytest.param(401, "the server asks for a key", id="never"),
    ],
)
def test_a_list_of_models_that_does_not_come_is_told(server: Decoder, status: int, message: str) -> None:
    server.models_status = status

    async def work() -> str:
        upstream = Upstream(server.url, None, replace(AUTO, key_from="NOT_SET"))
        try:
            await upstream.start()
        except ConfigError as error:
            return str(error)
        else:
            with pytest.raises(Refusal, match="Not ready"):
                await events(upstream, order())
            return upstream.why_not_ready
        finally:
            await upstream.close()

    assert message in run(work())


def test_a_server_that_is_left_alone_is_not_asked_the_canary_either(server: Decoder) -> None:
    server.everything = breaks_off

    async def work() -> str:
        remote = Remote(server.url, "fake", VLLM)
        for _ in range(5):
            with pytest.raises(Fault):
                await remote.say({"messages": []})
        vigil = Vigil(remote, VLLM)
        await vigil.begin()
        await vigil.close()
        await remote.close()
        return vigil.why

    assert "out of order" in run(work())
    assert len(server.asked) == 5


def test_the_only_model_is_found_by_its_name(server: Decoder) -> None:
    async def work() -> str:
        upstream = Upstream(server.url, None, AUTO)
        await upstream.start()
        await events(upstream, order())
        await upstream.close()
        return upstream.model

    assert run(work()) == "fake"
    assert server.requests()[-1]["model"] == "fake"
