"""The client against a real model on a real server: nano under `transformers serve`."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.served import NANO, NEEDED, transformers_serve

from adhere.config import EndpointSettings, EvalConfig, SynthConfig
from adhere.data.build import synth
from adhere.data.teaching.teacher import taught
from adhere.endpoint import Endpoint, Failed, Message, Reply, Request
from adhere.errors import DataError, ModelError
from adhere.evaluate.evaluation import read
from adhere.evaluate.run import evaluate
from adhere.evaluate.served import evaluate as served_evaluate
from adhere.schema import Parsed, parse_json

pytestmark = NEEDED


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The reference of nano on a server that runs while the tests do."""
    with transformers_serve(tmp_path_factory.mktemp("serve") / "log") as url:
        yield f"openai:{NANO}@{url}"


def asks(text: str, *, max_tokens: int = 60) -> Request:
    form = '{"vendor":"string","total":"number"}'
    messages = (
        Message("system", "Fill in the form from the text. JSON only."),
        Message("user", f"{form}\n\n{text}"),
    )
    return Request(messages=messages, temperature=0.0, max_tokens=max_tokens)


def test_a_served_model_answers_many_at_once(model: str, tmp_path: Path) -> None:
    texts = [f"Invoice from Acme Ltd, total {number}.50 in all." for number in range(100, 108)]
    settings = EndpointSettings(concurrency=4, seconds=60, cache=tmp_path / "replies.sqlite")
    for cached in (0, len(texts)):
        with Endpoint(model, settings) as endpoint:
            replies = [reply for _, reply in endpoint.replies(map(asks, texts))]
        for text, reply in zip(texts, replies, strict=True):
            assert isinstance(reply, Reply), reply
            assert reply.prompt_tokens > 20
            parsed = parse_json(reply.text)
            assert isinstance(parsed, Parsed)
            assert isinstance(parsed.value, dict)
            assert str(parsed.value["total"]) in text
        totals = endpoint.totals
        assert (totals.requests, totals.cached, totals.failures) == (8, cached, {})
    assert replies[0].cached


def test_a_reply_that_the_limit_cuts_says_so(model: str) -> None:
    with Endpoint(model, EndpointSettings(seconds=60)) as endpoint:
        failed = endpoint.reply(asks("Invoice from Acme Ltd, total 12.50.", max_tokens=3))
    assert isinstance(failed, Failed)
    assert (failed.cause, failed.text[:1]) == ("cut", "{")


def test_a_model_that_cannot_teach_is_told_by_its_reasons(model: str, tmp_path: Path) -> None:
    schema = tmp_path / "order.json"
    schema.write_text('{"title": "Order", "type": "object", "properties": {"item": {"type": "string"}}}')
    settings = EndpointSettings(concurrency=2, seconds=60, max_tokens=24, budget=6000)
    config = SynthConfig(schema=schema, out=tmp_path / "data", rows=2, teacher=model, endpoint=settings)
    with pytest.raises(DataError, match=r"not one example was kept; rejected: .*budget"):
        taught(config)


def test_a_served_model_is_measured_as_the_same_one_here(model: str, tmp_path: Path) -> None:
    schema = tmp_path / "order.json"
    schema.write_text(
        '{"title": "Order", "type": "object", "required": ["vendor", "total"], "properties":'
        ' {"vendor": {"type": "string"}, "total": {"type": "number"}}}'
    )
    synth(SynthConfig(schema=schema, out=tmp_path / "data", rows=8, noise=0.0))
    asked = EvalConfig(data=tmp_path / "data", out=tmp_path / "here", max_new_tokens=60)
    evaluate(asked)
    served = replace(asked, model=model, out=tmp_path / "served")
    served_evaluate(served)
    here, there = (read(out).predictions for out in (asked.out, served.out))
    # The server leaves out white space at the end, which an answer that was cut off may have.
    assert [each.answer.rstrip() for each in here] == [each.answer for each in there]
    assert [each.cause for each in here] == [each.cause for each in there]
    with pytest.raises(ModelError, match=r"the server drops response_format|cannot be told"):
        served_evaluate(replace(served, constrain=True, out=tmp_path / "constrained"))
