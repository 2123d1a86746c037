"""What replies say of their fields, as OpenAI's own client gets them from a running server."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.serve.served import Served, served

TEXT = "vendor: Quinn Hardware\namount: $ 671.00\nissued: September 24, 2017"
INVOICE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "vendor": {"type": "string"},
        "date": {"type": "string", "format": "date"},
        "amount": {"type": "number"},
    },
    "required": ["vendor", "date", "amount"],
    "additionalProperties": False,
}
FORM: dict[str, Any] = {"type": "json_schema", "json_schema": {"name": "invoice", "schema": INVOICE}}
MESSAGES: list[Any] = [
    {"role": "system", "content": "Read the invoice."},
    {"role": "user", "content": [{"type": "text", "text": TEXT[:10]}, {"type": "text", "text": TEXT[10:]}]},
]
"""The text in two parts, which are one."""


def asked(*, below: float | None = None) -> dict[str, Any]:
    own = {"fields": True} if below is None else {"fields": True, "undecided_below": below}
    return {
        "model": "nano",
        "messages": MESSAGES,
        "response_format": FORM,
        "extra_body": {"adhere": own},
    }


def test_each_leaf_comes_with_its_confidence_and_its_place(server: Served) -> None:
    choice: Any = server.client().chat.completions.create(**asked()).choices[0]
    answer = json.loads(choice.message.content)
    leaves = {leaf["pointer"]: leaf for leaf in choice.adhere["leaves"]}
    assert [leaf["value"] for leaf in leaves.values()] == list(answer.values())
    assert all(0 < leaf["confidence"]["raw"] <= 1 for leaf in leaves.values())
    vendor = leaves["/vendor"]["source"]
    assert vendor["message"] == 1
    assert TEXT[vendor["start"] : vendor["end"]] == vendor["text"] == "Quinn Hardware"
    assert (leaves["/date"]["reading"], leaves["/date"]["source"]["text"]) == ("date", "September 24, 2017")
    assert (choice.adhere["promise"], choice.adhere["undecided"]) == ("kept", False)


def test_what_is_less_sure_than_asked_is_undecided(server: Served) -> None:
    # Only what a grammar leaves no choice about has probability 1.
    reply: Any = server.client().chat.completions.create(**asked(below=1.0))
    block = reply.choices[0].adhere
    assert block["undecided"]
    assert block["doubtful"] == ["/vendor", "/date", "/amount"]


def test_a_stream_says_it_in_the_chunk_that_ends_the_answer(server: Served) -> None:
    whole: Any = server.client().chat.completions.create(**asked(below=0.5))
    chunks: list[Any] = list(server.client().chat.completions.create(**asked(below=0.5), stream=True))
    choices = [choice for chunk in chunks for choice in chunk.choices]
    blocks = [choice.adhere for choice in choices if getattr(choice, "adhere", None)]
    assert blocks == [choices[-1].adhere] == [whole.choices[0].adhere]
    assert choices[-1].finish_reason == "stop"


def test_the_newer_api_says_it_in_the_reply(server: Served) -> None:
    reply: Any = server.client().responses.create(
        model="nano",
        input=TEXT,
        text={"format": {"type": "json_schema", "name": "invoice", "schema": INVOICE}},
        extra_body={"adhere": {"fields": True}},
    )
    leaves = {leaf["pointer"]: leaf for leaf in reply.adhere["leaves"]}
    assert leaves["/vendor"]["source"] == {"message": 0, "start": 8, "end": 22, "text": "Quinn Hardware"}


def test_nothing_is_said_where_nobody_asked(server: Served) -> None:
    given = {name: value for name, value in asked().items() if name != "extra_body"}
    reply: Any = server.client().chat.completions.create(**given)
    assert "adhere" not in reply.choices[0].to_dict()


@pytest.fixture(scope="module")
def server_with_a_form(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose answers are invoices, and undecided wherever the model had a choice."""
    path = tmp_path_factory.mktemp("schema") / "invoice.json"
    path.write_text(json.dumps(INVOICE), encoding="utf-8")
    with served("--schema", str(path), "--fields", "--undecided-below", "1", "--workers", "1") as running:
        yield running


@pytest.mark.slow
def test_a_plain_question_is_answered_in_the_form_of_the_server(server_with_a_form: Served) -> None:
    plain: Any = server_with_a_form.client().chat.completions.create(
        model="nano", messages=[{"role": "user", "content": TEXT}]
    )
    choice = plain.choices[0]
    assert json.loads(choice.message.content)["vendor"] == "Quinn Hardware"
    assert choice.adhere["undecided"]
    assert choice.adhere["below"] == 1


@pytest.mark.slow
def test_a_request_has_its_own_threshold_and_may_want_no_block(server_with_a_form: Served) -> None:
    def block(own: dict[str, Any]) -> Any:  # Any: what a client reads as it comes
        reply: Any = server_with_a_form.client().chat.completions.create(
            model="nano", messages=[{"role": "user", "content": TEXT}], extra_body={"adhere": own}
        )
        return reply.choices[0].to_dict().get("adhere")

    assert block({"undecided_below": 0})["doubtful"] == []
    assert block({"fields": False}) is None
