"""`adhere eval` of a model on a server: the same prompts, judged and measured as those of a local one."""

import hashlib
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

from adhere import prompt
from adhere.config import EvalConfig
from adhere.data.store import Dataset
from adhere.endpoint import Endpoint, Failed, Message, Reference, Reply, Request, Totals
from adhere.endpoint.canary import response_format
from adhere.endpoint.request import Role, body, key
from adhere.errors import AdhereError
from adhere.evaluate.canary import check_constraint
from adhere.evaluate.evaluation import measured
from adhere.evaluate.underway import Underway, underway
from adhere.measure import request as asked_for
from adhere.measure.prediction import Prediction, judged
from adhere.records import JSON, Example
from adhere.schema import Schema

REPLIES = "replies.sqlite"


def evaluate(config: EvalConfig) -> dict[str, JSON]:
    """Measure a model on a server and write what was asked and answered, and the summary; return that.

    Every reply is on disk as soon as it has come, and an evaluation that was killed is gone on with: what was
    answered is not asked again, and what an earlier attempt spent counts.

    Raises:
        ConfigError: The reference is none, or the server refuses the key.
        ModelError: The server has no such model, is out of order, or does not keep to a schema.
        DataError: The data or the cache are none.
    """
    with underway(config) as work:
        if work.run.summary:  # all was done, and the kill came before it stood in its place
            return dict(work.run.summary)
        work.run.keep_on_error = work.run.resumed
        facts: dict[str, JSON] = {}
        if config.constrain:
            check_constraint(config)
            facts["canary"] = "kept"
        with _asking(config, work) as endpoint:
            try:
                predictions = work.gather(answers(config, endpoint, work.rest))
            except AdhereError:
                # What was paid for is there when the command is run again.
                work.run.keep_on_error = endpoint.totals.spending.completion_tokens > 0
                raise
            facts["endpoint"] = _told(predictions, endpoint.totals)
        for warning in _warnings(config, endpoint.reference, predictions):
            sys.stderr.write(f"adhere eval: {warning}\n")
        return work.finish(measured(predictions, seed=config.seed), facts)


def answers(config: EvalConfig, endpoint: Endpoint, dataset: Dataset) -> Iterator[Prediction]:
    """Ask about every example; yield what came of each, in any order. What failed has an empty answer."""
    asked = [(example, index) for example in dataset.examples for index in range(config.samples)]
    requests = [_request(config, each, dataset.schemas[each.schema], index) for each, index in asked]
    come: dict[str, dict[int, Prediction]] = {}
    for number, outcome in endpoint.replies(requests, ordered=False):
        example, index = asked[number]
        name = key(endpoint.reference, body(requests[number]))
        found = _prediction(config, outcome, example, dataset.schemas[example.schema], name)
        samples = come.setdefault(example.id, {})
        samples[index] = found
        if len(samples) == config.samples:
            first, *others = [samples[place] for place in range(config.samples)]
            del come[example.id]
            yield replace(first, others=tuple(others))


@contextmanager
def _asking(config: EvalConfig, work: Underway) -> Generator[Endpoint]:
    """Open the server; replies are kept in a file of the user's, or until the evaluation is done."""
    shared = config.endpoint.cache if config.cache else None
    settings = replace(config.endpoint, cache=shared or work.directory / REPLIES)
    account = f"eval {config.out.absolute()}"
    with Endpoint(config.model, settings, where="eval.model", account=account) as endpoint:
        if not work.run.resumed:
            endpoint.forget_spending()
        yield endpoint


def _request(config: EvalConfig, example: Example, schema: Schema, index: int) -> Request:
    turns = prompt.messages(example, schema, form=config.form)
    return Request(
        messages=tuple(Message(cast("Role", turn["role"]), turn["content"]) for turn in turns),
        temperature=config.temperature,
        max_tokens=config.max_new_tokens,
        # The likeliest answer is drawn from nothing, and some servers refuse a seed.
        seed=_seed(config.seed, example.id, index) if config.temperature else None,
        response_format=response_format(schema.name, schema.source) if config.constrain else None,
    )


def _seed(seed: int, example_id: str, index: int) -> int:
    """Return a number of 31 bits, which every server takes, for one sample of one example."""
    digest = hashlib.sha256(f"{seed}\x1f{example_id}\x1f{index}".encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def _prediction(
    config: EvalConfig, outcome: Reply | Failed, example: Example, schema: Schema, name: str
) -> Prediction:
    failed = outcome if isinstance(outcome, Failed) else None
    found = judged(
        outcome.text,
        example,
        schema,
        form=config.form,
        tokens=outcome.completion_tokens,
        finished=failed is None,
        thoughts=True,
    )
    return replace(
        found,
        request=asked_for.Request(
            key=name,
            model=outcome.model,
            cause=failed and ("refused" if failed.is_refusal else failed.cause),
            message=failed.message if failed else "",
            attempts=outcome.attempts,
            cached=outcome.cached,
            seconds=round(outcome.seconds, 6),
            prompt_tokens=outcome.prompt_tokens,
            cost=outcome.cost,
        ),
    )


def _requests(predictions: Sequence[Prediction]) -> list[asked_for.Request]:
    samples = (each for prediction in predictions for each in prediction.samples)
    return [each.request for each in samples if each.request is not None]


def _told(predictions: Sequence[Prediction], totals: Totals) -> dict[str, JSON]:
    """Return what a summary says of asking: what all attempts took, and who replied how quickly."""
    requests = _requests(predictions)
    spending = totals.spending
    return {
        "requests": len(requests),
        "cached": sum(each.cached for each in requests),
        "attempts": spending.attempts,
        "prompt_tokens": spending.prompt_tokens,
        "completion_tokens": spending.completion_tokens,
        "estimated_tokens": spending.estimated,
        "cost": round(totals.cost, 6),
        "latency": asked_for.latency(requests),
        "models": asked_for.models(requests),
    }


def _warnings(config: EvalConfig, reference: Reference, predictions: Sequence[Prediction]) -> Iterator[str]:
    """Say in a line each what was not as asked."""
    requests = _requests(predictions)
    others = ", ".join(name for name in asked_for.models(requests) if name != reference.model)
    if others:
        yield f"the server says that its model is {others}, and {reference.model} was asked for."
    unasked = sum(each.cause == "budget" for each in requests)
    if unasked:
        yield (
            f"{unasked} of {len(requests)} were not asked: the budget of {config.endpoint.budget} tokens is "
            "spent. They count as no output."
        )
    failures = {each.cause: each.message for each in requests if each.cause not in (None, "budget")}
    for cause, message in failures.items():
        count = sum(each.cause == cause for each in requests)
        yield f"{count} of {len(requests)} failed by {cause}, the last: {message}."
