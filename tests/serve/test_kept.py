import pytest

from adhere.records import JSON
from adhere.schema import Schema
from adhere.serve.kept import Made, breaches, call_of, text_of_call
from adhere.serve.order import AnyObject, AnyText, Calling, Matching, Obeying, OneOf, Spelled, Tool, Wanted

ORDER: dict[str, JSON] = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "tags": {"type": "array", "uniqueItems": True}},
    "required": ["n"],
    "additionalProperties": False,
}
BOOK = Tool(name="book", description="", parameters=Schema.of(ORDER))
MUST = Calling(tools=(BOOK,))
MAY = Calling(tools=(BOOK,), must=False)
OBEYING = Obeying(schema=Schema.of(ORDER))


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        pytest.param(AnyText(), "{", id="any text"),
        pytest.param(AnyObject(), '{"a":[1]}', id="any object"),
        pytest.param(OBEYING, '{"n":1}', id="a value of the schema"),
        pytest.param(OBEYING, ' {"n": 1}\n', id="with blanks"),
        pytest.param(Matching("[a-c]+"), "abc", id="all of it matches"),
        pytest.param(Matching("a.b"), "aéb", id="a letter of two bytes"),
        pytest.param(OneOf(("a", "ü\n")), "ü\n", id="one of the texts"),
        pytest.param(Spelled('start: "a" start | "b"'), "aab", id="follows the grammar"),
        pytest.param(MUST, '{"name":"book","arguments":{"n":1}}', id="a call"),
        pytest.param(
            MUST, '<tool_call>\n{"name": "book", "arguments": {"n": 1}}\n</tool_call>', id="in its tags"
        ),
        pytest.param(MAY, "There is nothing to book.", id="text beside a call"),
        pytest.param(MAY, "", id="nothing beside a call"),
    ],
)
def test_what_was_wanted_breaks_nothing(wanted: Wanted, text: str) -> None:
    assert breaches(wanted, text) == ()


@pytest.mark.parametrize(
    ("wanted", "text", "clauses"),
    [
        (AnyObject(), "[1]", ["an object was expected, '[1]' was given"]),
        (AnyObject(), '{"a":1', ["the text is not JSON (expecting ',' delimiter) at character 6"]),
        (OBEYING, '{"n":1,"n":2}', ["the text is not JSON (the key 'n' stands twice in its object) at char"]),
        (OBEYING, '{"n":NaN}', ["the text is not JSON (NaN is not a JSON number)"]),
        (OBEYING, '{"n":"1","tags":[2,2]}', ['/n: "1" is not of type "integer"', "/tags: [2,2] has non-un"]),
        (OBEYING, "{}", ['the root: "n" is a required property']),
        (Matching("[a-c]+"), "abc\n", ["'abc\\n' does not match the pattern '[a-c]+'"]),
        (Matching("a|bc"), "abc", ["'abc' does not match"]),
        (OneOf(("a",)), "a ", ["'a ' is none of the texts allowed"]),
        (Spelled('start: "a" start | "b"'), "aa", ["'aa' does not follow the grammar"]),
        (MUST, "I cannot.", ["a call of a tool was expected, 'I cannot.' was given"]),
        (MUST, '{"name":"book","arguments":{"n":1},"id":2}', ["a call of a tool was expected"]),
        (MUST, '{"name":"cook","arguments":{}}', ["/name: there is no tool 'cook', only 'book'"]),
        (MAY, '{"name":"book","arguments":{"n":"1"}}', ['/arguments/n: "1" is not of type "integer"']),
        (MAY, '{"name":"book","arguments":{"n":1', ["a call of a tool was expected"]),
    ],
)
def test_what_is_wrong_is_told(wanted: Wanted, text: str, clauses: list[str]) -> None:
    found = breaches(wanted, text)
    assert len(found) == len(clauses)
    assert all(told.startswith(clause) for told, clause in zip(found, clauses, strict=True)), found


def test_at_most_ten_breaches_are_told() -> None:
    wanted = Obeying(schema=Schema.of({"items": {"type": "string"}}))
    assert len(breaches(wanted, f"[{','.join('1' * 50)}]")) == 10


def test_long_texts_are_quoted_in_part() -> None:
    (told,) = breaches(OneOf(("a",)), "b" * 1000)
    assert len(told) < 120


def test_a_call_is_spelled_and_read() -> None:
    text = text_of_call('say "é"', '{"n":1}')
    assert call_of(text) == Made('say "é"', {"n": 1})
    assert call_of("no call") is None
