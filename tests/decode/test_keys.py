import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from adhere.decode.keys import Keys, Places


def test_room_that_grows_keeps_what_is_in_it() -> None:
    keys = Keys.none()
    key_1KTD = torch.ones(1, 2, 3, 4)
    keys.make_room_for_prompts(1, 3)
    keys.make_room_for_answers(2, 1)
    kept = keys.of(0, key_1KTD, key_1KTD[..., :2])
    kept.prompt_key_NKPD[0] = key_1KTD[0]
    kept.own_value_RKCD[1] = 5.0
    keys.make_room_for_prompts(4, 2)
    keys.make_room_for_answers(2, 30)
    kept = keys.of(0, key_1KTD, key_1KTD[..., :2])
    assert kept.prompt_key_NKPD.shape == (4, 2, 3, 4)
    assert kept.prompt_key_NKPD.sum() == 2 * 3 * 4
    assert kept.own_value_RKCD.shape == (2, 2, 30, 2)
    assert kept.own_value_RKCD.sum() == 5 * 2 * 2


def test_what_is_moved_stands_in_its_new_place() -> None:
    keys = Keys.none()
    keys.make_room_for_prompts(3, 1)
    keys.make_room_for_answers(3, 1)
    value = torch.zeros(1, 1, 1, 1)
    kept = keys.of(0, value, value)
    kept.prompt_value_NKPD[2], kept.own_key_RKCD[1] = 7.0, 8.0
    keys.move_prompts({2: 0})
    keys.move_answers({1: 2})
    assert (kept.prompt_value_NKPD[0], kept.own_key_RKCD[2]) == (7.0, 8.0)


@given(st.lists(st.integers(0, 11)))
@settings(max_examples=50)
def test_places_that_are_taken_stay_apart_and_close_together(visits: list[int]) -> None:
    places = Places()
    guests: dict[int, int] = {}
    for guest in visits:
        if guest in guests:
            places.leave(guests.pop(guest))
        else:
            guests[guest] = places.take()
        moves = places.tidy()
        assert not set(moves.values()) & set(guests.values())
        guests = {guest: moves.get(place, place) for guest, place in guests.items()}
        assert len(set(guests.values())) == len(guests)
        # At most a quarter of the places lies idle.
        assert max(guests.values(), default=-1) + 1 <= len(guests) / 0.75
