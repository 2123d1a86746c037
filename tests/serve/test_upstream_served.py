"""A real server upstream that knows no schemas: nano under `transformers serve`."""

from collections.abc import Iterator

import pytest
from tests.serve.test_upstream import SCHEMA, run
from tests.serve.test_upstream_process import started
from tests.served import NANO, NEEDED, transformers_serve

from adhere.config.remote import RemoteSettings
from adhere.errors import ModelError
from adhere.serve.kept import breaches
from adhere.serve.order import AnyText, Ended, Obeying, Order, Refusal, Turn

pytestmark = NEEDED


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with transformers_serve(tmp_path_factory.mktemp("serve") / "log") as url:
        yield url


def test_it_is_not_served_as_if_it_kept_to_schemas(url: str) -> None:
    async def work() -> None:
        async with started(url, str(NANO), RemoteSettings(seconds=60)):
            raise AssertionError

    with pytest.raises(ModelError, match=r"it does not keep to a schema"):
        run(work())


def test_its_answers_keep_their_promise_or_are_errors(url: str) -> None:
    settings = RemoteSettings(seconds=60, dialect="none")

    async def work() -> list[Ended | Refusal]:
        made: list[Ended | Refusal] = []
        async with started(url, str(NANO), settings, "trained") as upstream:
            for number in range(6):
                turn = Turn(role="user", content=f"An order of {number} mugs.")
                asked = Order(
                    id="1",
                    turns=(turn,),
                    wanted=Obeying(schema=SCHEMA),
                    temperature=0.0,
                    max_tokens=60,
                )
                try:
                    made += [each async for each in upstream.write(asked) if isinstance(each, Ended)]
                except Refusal as refusal:
                    made.append(refusal)
        return made

    made = run(work())
    assert len(made) == 6
    whole = [each for each in made if isinstance(each, Ended) and each.reason == "stop"]
    assert len(whole) >= 3
    for each in whole:
        assert breaches(Obeying(schema=SCHEMA), each.text) == ()
        assert each.note == {"constrained": False, "upstream_model": f"{NANO}@main"}
        assert each.prompt_tokens > 20
    for each in made:
        assert not isinstance(each, Refusal) or each.code == "promise_broken"


def test_its_free_text_streams(url: str) -> None:
    async def work() -> str | int:
        async with started(url, str(NANO), RemoteSettings(seconds=60, dialect="none")) as upstream:
            turn = Turn(role="user", content="hello")
            asked = Order(
                id="1", turns=(turn,), wanted=AnyText(), temperature=0.0, max_tokens=20, streamed=True
            )
            *_, last = [each async for each in upstream.write(asked)]
            assert isinstance(last, Ended)
            return last.text

    assert run(work())
