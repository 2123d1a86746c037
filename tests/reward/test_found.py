"""What a text has is found, whatever it means, and put wherever its type fits."""

from itertools import islice

from adhere.records import JSON
from adhere.reward.found import find, in_turn, taken
from adhere.reward.mould import mould
from adhere.schema import Schema

ORDER = Schema.of(
    {
        "properties": {
            "number": {"type": "string"},
            "since": {"type": "string", "format": "date"},
            "items": {
                "type": "array",
                "items": {"properties": {"what": {"type": "string"}, "count": {"type": "integer"}}},
            },
            "status": {"enum": ["open", "closed"]},
        },
    }
)


def test_a_text_is_searched_for_what_could_be_copied() -> None:
    found = find("Dear Ms Holt.\nPay 12 or 1,200 on 3 May 2019!")
    assert found.names == ("Dear Ms Holt", "Pay", "May")
    assert found.numbers == (12, 1200, 1.2, 3, 2019)
    assert found.dates == ("2019-05-03",)
    assert found.lines == ("Dear Ms Holt.", "Pay 12 or 1,200 on 3 May 2019!")
    assert found.words[:3] == ("Dear", "Ms", "Holt")


def test_an_answer_is_taken_from_a_text() -> None:
    found = find("Order A-17 of Mira Holt, client since 3 May 2019: 12 oak tables. It is open.")
    assert taken(mould(ORDER), found) == {
        "number": "Order A",
        "since": "2019-05-03",
        "items": [{"what": "Mira Holt", "count": 17}],
        "status": "open",
    }
    # The second of each kind on, where there is one; of options that are stated the first.
    assert taken(mould(ORDER), found, start=1, items=2) == {
        "number": "Mira Holt",
        "since": "2019-05-03",
        "items": [{"what": "May", "count": 3}, {"what": "It", "count": 2019}],
        "status": "open",
    }


def test_an_answer_is_taken_from_no_text_too() -> None:
    nothing: JSON = {
        "number": "",
        "since": "2000-01-01",
        "items": [{"what": "", "count": 0}],
        "status": "closed",
    }
    assert taken(mould(ORDER), find(""), start=1) == nothing


def test_things_come_in_turn() -> None:
    assert list(islice(in_turn("abc", 4), 4)) == ["b", "c", "a", "b"]
