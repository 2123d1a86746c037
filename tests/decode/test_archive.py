import numpy as np
import pytest
import torch

from adhere.decode.answer import Answer
from adhere.decode.archive import BLOCK, Archive
from adhere.decode.chance import uniforms
from adhere.decode.desk import Desk, Group
from adhere.decode.keys import Keys
from adhere.decode.sample import Question, Sampling, sample
from adhere.model import Model

BYTES = 2 * 4 * BLOCK
"""Of a block: a key and a value of 32 bits for each token, of one head one wide in one layer."""


def keys_of(prompt: tuple[int, ...]) -> Keys:
    """Hold a prompt in place 0, the key of each token being the token and its value the negative."""
    keys = Keys.none()
    keys.make_room_for_prompts(1, max(1, len(prompt)))
    key_KPD = torch.tensor(prompt, dtype=torch.float32)[None, :, None]
    keys.lay(0, [{0: (key_KPD, -key_KPD)}])
    return keys


def kept(archive: Archive, *prompts: tuple[int, ...]) -> None:
    for prompt in prompts:
        archive.keep(prompt, keys_of(prompt), 0)


def found(archive: Archive, prompt: tuple[int, ...]) -> tuple[int, ...]:
    """Return the tokens whose keys are found."""
    runs = archive.find(prompt)
    assert all(torch.equal(run[0][0], -run[0][1]) for run in runs)
    return tuple(int(token) for run in runs for token in run[0][0].flatten())


FORM, ONE, OTHER = (tuple(range(first, first + BLOCK)) for first in (100, 200, 300))


def test_a_prompt_is_found_to_the_last_whole_block_that_it_begins_with() -> None:
    archive = Archive(10 * BYTES)
    kept(archive, (*FORM, *ONE, 7))
    assert found(archive, (*FORM, *ONE, 7, 8)) == (*FORM, *ONE)
    assert found(archive, (*FORM, *ONE[:-1], 9, 9)) == FORM
    assert found(archive, (1, *FORM)) == ()


def test_the_last_token_is_read_in_any_case() -> None:
    archive = Archive(10 * BYTES)
    kept(archive, (*FORM, *ONE))
    assert found(archive, (*FORM, *ONE)) == FORM


def test_too_little_of_a_prompt_is_not_taken_over() -> None:
    archive = Archive(10 * BYTES)
    kept(archive, FORM)
    assert found(archive, (*FORM, *[1] * 48)) == FORM
    assert found(archive, (*FORM, *[1] * 49)) == ()


def test_what_prompts_begin_with_is_kept_once() -> None:
    archive = Archive(10 * BYTES)
    kept(archive, (*FORM, *ONE), (*FORM, *OTHER), (*FORM, *ONE))
    assert archive.bytes == 3 * BYTES


def test_what_was_not_asked_for_longest_is_dropped_and_a_beginning_after_what_follows_it() -> None:
    archive = Archive(3 * BYTES)
    kept(archive, (*FORM, *ONE), (*FORM, *OTHER))
    assert found(archive, (*FORM, *ONE, 1)) == (*FORM, *ONE)
    kept(archive, ONE)
    assert archive.bytes == 3 * BYTES
    assert found(archive, (*FORM, *OTHER, 1)) == FORM
    assert found(archive, (*FORM, *ONE, 1)) == (*FORM, *ONE)


def test_of_a_prompt_larger_than_all_room_its_beginning_stays() -> None:
    archive = Archive(BYTES)
    kept(archive, (*FORM, *ONE, *OTHER))
    assert archive.bytes == BYTES
    assert found(archive, (*FORM, *ONE, 1)) == FORM


def groups_of(questions: list[Question], settings: Sampling, model: Model) -> list[Group]:
    return [
        Group(
            index,
            question.tokens,
            tuple(
                Answer(
                    None,
                    settings.max_new_tokens,
                    model.stop_tokens,
                    uniforms(
                        seed=settings.seed,
                        step=0,
                        example_id=question.example_id,
                        index=number,
                        count=settings.max_new_tokens,
                    ),
                )
                for number in range(settings.samples)
            ),
        )
        for index, question in enumerate(questions)
    ]


@pytest.mark.parametrize("most", [5, 40, 8192], ids="{} tokens at once".format)
@pytest.mark.parametrize("mib", [None, 0, 1], ids=["no archive", "one without room", "one with room"])
def test_prompts_read_by_parts_and_taken_over_are_answered_as_on_their_own(
    any_model: Model, most: int, mib: int | None
) -> None:
    draws = np.random.default_rng(1)
    form = tuple(int(token) for token in draws.integers(3, 300, 37))
    questions = [
        Question(f"q{number}", (*form[: 37 - number % 3], *map(int, draws.integers(3, 300, 1 + 7 * number))))
        for number in range(6)
    ]
    settings = Sampling(max_new_tokens=6, samples=2)
    groups = groups_of(questions, settings, any_model)
    desk = Desk(any_model, None if mib is None else Archive(mib << 20))
    with torch.inference_mode():
        for group in groups:
            desk.put(group)
            desk.read(most)
            desk.step()
        while desk.expected:
            desk.read(most)
            desk.step()
    for group, completions in zip(groups, sample(any_model, questions, settings), strict=True):
        for answer, completion in zip(group.answers, completions, strict=True):
            assert tuple(answer.tokens) == completion.tokens
            assert answer.logprobs == pytest.approx(completion.logprobs, abs=1e-5)
    if mib:
        assert [group.known > 0 for group in groups] == [number in range(1, 6) for number in range(6)]


def test_a_group_whose_answers_are_closed_leaves_wherever_it_stands(model: Model) -> None:
    questions = [Question(f"q{number}", tuple(range(3, 43))) for number in range(3)]
    read, half_read, unread = groups_of(questions, Sampling(max_new_tokens=6), model)
    desk = Desk(model)
    with torch.inference_mode():
        desk.enter([read])
        desk.put(half_read)
        desk.read(10)
        desk.put(unread)
        for group in (read, half_read, unread):
            for answer in group.answers:
                answer.is_closed = True
        assert {id(group) for group in desk.leave()} == {id(read), id(half_read), id(unread)}
    assert (desk.expected, desk.unread) == (0, 0)


def test_room_is_as_long_for_all_as_the_longest_takes(model: Model) -> None:
    desk = Desk(model)
    # One prompt of 40, and two answers of 9 at most.
    assert desk.room(prompt=40, answers=2, limit=9) == 40 + 2 * 9
