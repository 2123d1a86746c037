import copy
import dataclasses
from collections import Counter
from typing import Self

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from adhere.config import Lora
from adhere.decode.constraint import replay
from adhere.decode.grammar import Grammar
from adhere.decode.sample import Question, Sampling, sample
from adhere.decode.vocabulary import Vocabulary
from adhere.errors import ModelError
from adhere.model import Model, add_lora
from adhere.records import Completion
from adhere.schema import Schema

PROMPTS = [(5, 9, 30), (40, 41, 42, 43, 44, 45, 46), (7,), (100, 90, 80, 70, 60)]
QUESTIONS = [Question(f"q{place}", tokens) for place, tokens in enumerate(PROMPTS)]


def flat(groups: list[list[Completion]]) -> list[Completion]:
    return [completion for group in groups for completion in group]


def plain_logits(network: PreTrainedModel, prompt: tuple[int, ...], answer: tuple[int, ...]) -> torch.Tensor:
    """What predicts each token of an answer, by one forward pass without cache, padding or batch."""
    with torch.no_grad():
        made = network(torch.tensor([[*prompt, *answer]]), use_cache=False)
    return made.logits[0, len(prompt) - 1 : -1].float()


def plain_logprobs(
    network: PreTrainedModel, prompt: tuple[int, ...], answer: tuple[int, ...], temperature: float
) -> list[float]:
    logprobs = (plain_logits(network, prompt, answer) / temperature).log_softmax(-1)
    return logprobs[range(len(answer)), list(answer)].tolist()


def mixed_questions(model: Model) -> list[Question]:
    """Prompts of 1 to 90 tokens, to a model that ends its answers early: a fifth of its tokens are ends."""
    assert model.network.generation_config is not None
    model.network.generation_config.eos_token_id = [2, *range(100, 160)]
    draw = np.random.default_rng(3)
    lengths = [5, 70, 1, 33, 33, 12, 90, 4, 4, 50, 20, 7]
    return [
        Question(f"q{place}", tuple(int(token) for token in draw.integers(3, 300, length)))
        for place, length in enumerate(lengths)
    ]


@pytest.mark.parametrize("rows", [64, 7], ids=["all at once", "more questions than rows"])
@pytest.mark.parametrize("rank", [0, 4], ids=["full", "lora"])
def test_log_probabilities_equal_those_of_a_plain_forward_pass(
    any_model: Model, rank: int, rows: int
) -> None:
    add_lora(any_model, Lora(rank=rank), seed=1)
    for name, weight in any_model.network.named_parameters():
        if "lora_B" in name:  # begins as zero, by which the adapter would change nothing
            torch.nn.init.normal_(weight, std=0.1)
    questions = mixed_questions(any_model)
    settings = Sampling(samples=3, temperature=0.7, max_new_tokens=24, seed=4, rows=rows)
    lengths: set[int] = set()
    for question, group in zip(questions, sample(any_model, questions, settings), strict=True):
        for completion in group:
            expected = plain_logprobs(any_model.network, question.tokens, completion.tokens, 0.7)
            assert completion.logprobs == pytest.approx(expected, abs=1e-5)
            lengths.add(len(completion.tokens))
    assert len(lengths) > 6


@pytest.mark.parametrize(
    ("architecture", "settings"),
    [
        pytest.param("gemma3_text", {}, id="gemma3, on some layers"),
        pytest.param("mistral", {}, id="mistral, on all"),
        pytest.param("gemma2", {"attn_logit_softcapping": 2.0}, id="gemma2, and scores are bent"),
    ],
)
def test_a_window_shorter_than_the_prompt_is_kept_to(
    model: Model, architecture: str, settings: dict[str, float]
) -> None:
    shape = model.network.config
    config = AutoConfig.for_model(
        architecture,
        vocab_size=shape.vocab_size,
        hidden_size=shape.hidden_size,
        intermediate_size=shape.intermediate_size,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        pad_token_id=0,
        sliding_window=8,
        **settings,
    )
    network = AutoModelForCausalLM.from_config(config).eval()
    plain = copy.deepcopy(network)
    plain.set_attn_implementation("eager")
    model = Model(architecture, network, model.tokenizer)
    questions = mixed_questions(model)
    groups = sample(model, questions, Sampling(samples=2, max_new_tokens=16, rows=9))
    for question, group in zip(questions, groups, strict=True):
        for completion in group:
            expected = plain_logprobs(plain, question.tokens, completion.tokens, 1.0)
            assert completion.logprobs == pytest.approx(expected, abs=1e-5)


def test_a_network_of_16_bits_differs_by_its_rounding_alone(model: Model) -> None:
    model.network.to(torch.bfloat16)  # type: ignore[arg-type]
    questions = mixed_questions(model)
    groups = sample(model, questions, Sampling(samples=2, max_new_tokens=8))
    for question, group in zip(questions, groups, strict=True):
        for completion in group:
            expected = plain_logprobs(model.network, question.tokens, completion.tokens, 1.0)
            # Logits below 1 in size, each rounded to 8 bits: 2**-9, a few times over.
            assert completion.logprobs == pytest.approx(expected, abs=0.02)


def test_what_prompts_have_in_common_is_read_once_and_changes_nothing(any_model: Model) -> None:
    stem = tuple(range(50, 90))
    tokens = [(*stem, 7), (*stem, 7, 8, 9), (*stem, 9, 9), stem, (*stem, *stem)]
    questions = [Question(f"q{place}", prompt) for place, prompt in enumerate(tokens)]
    for question, (completion,) in zip(
        questions, sample(any_model, questions, Sampling(max_new_tokens=8)), strict=True
    ):
        expected = plain_logprobs(any_model.network, question.tokens, completion.tokens, 1.0)
        assert completion.logprobs == pytest.approx(expected, abs=1e-5)


def test_answers_of_any_length_stand_beside_each_other_and_change_nothing(any_model: Model) -> None:
    prompts = [question.tokens for question in mixed_questions(any_model) * 4]
    any_model.network.generation_config.eos_token_id = [2, *range(100, 115)]  # type: ignore[union-attr]
    questions = [Question(f"q{place}", tokens) for place, tokens in enumerate(prompts)]
    groups = list(sample(any_model, questions, Sampling(max_new_tokens=60, rows=40)))
    lengths = sorted(len(completion.tokens) for (completion,) in groups)
    assert lengths[0] < 8
    assert lengths[-1] > 40  # so that what is kept of neighbours differs in length
    for question, (completion,) in zip(questions, groups, strict=True):
        expected = plain_logprobs(any_model.network, question.tokens, completion.tokens, 1.0)
        assert completion.logprobs == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("workers", [1, 3, 9], ids=["alone", "three", "more than there are questions"])
def test_neither_batches_nor_workers_change_what_is_drawn(model: Model, workers: int) -> None:
    drawn = Sampling(samples=4, max_new_tokens=20)
    together = flat(list(sample(model, QUESTIONS, drawn)))
    other = flat(list(sample(model, QUESTIONS, dataclasses.replace(drawn, rows=4, workers=workers))))
    assert [(c.example_id, c.index, c.tokens) for c in other] == [
        (c.example_id, c.index, c.tokens) for c in together
    ]


def test_the_same_seed_draws_the_same_and_another_does_not(model: Model) -> None:
    first = flat(list(sample(model, QUESTIONS, Sampling(max_new_tokens=10, seed=1))))
    again = flat(list(sample(model, QUESTIONS, Sampling(max_new_tokens=10, seed=1))))
    other = flat(list(sample(model, QUESTIONS, Sampling(max_new_tokens=10, seed=2))))
    assert first == again
    assert [c.tokens for c in first] != [c.tokens for c in other]


def test_groups_come_in_the_order_of_the_questions(model: Model) -> None:
    groups = list(sample(model, QUESTIONS, Sampling(samples=2, max_new_tokens=3, rows=2)))
    assert [[(c.example_id, c.index) for c in group] for group in groups] == [
        [(f"q{place}", 0), (f"q{place}", 1)] for place in range(4)
    ]


def test_temperature_zero_takes_the_likeliest_token(model: Model) -> None:
    (group,) = sample(model, [QUESTIONS[1]], Sampling(temperature=0.0, max_new_tokens=5))
    tokens = list(QUESTIONS[1].tokens)
    for drawn in group[0].tokens:
        with torch.no_grad():
            assert drawn == int(model.network(torch.tensor([tokens])).logits[0, -1].argmax())
        tokens.append(drawn)


def test_draws_follow_the_models_distribution(model: Model) -> None:
    (group,) = sample(model, [Question("q", (5, 6))], Sampling(samples=2000, max_new_tokens=1))
    drawn = Counter(completion.tokens[0] for completion in group)
    with torch.no_grad():
        probability_V = model.network(torch.tensor([[5, 6]])).logits[0, -1].softmax(-1)
    token = int(probability_V.argmax())
    expected = float(probability_V[token])
    # Four standard deviations of a binomial share at n = 2000.
    assert abs(drawn[token] / 2000 - expected) < 4 * (expected * (1 - expected) / 2000) ** 0.5


class Spelling:
    """Allows one spelling only: 50 51 52, then the end."""

    def __init__(self, place: int = 0) -> None:
        self.place = place

    def copy(self) -> Self:
        return type(self)(self.place)

    def forced(self, remaining: int) -> tuple[int, ...]:  # noqa: ARG002
        return ()

    def allowed(self, remaining: int) -> NDArray[np.bool_]:  # noqa: ARG002
        claims = np.zeros(300, dtype=np.bool_)
        claims[(50, 51, 52, 2)[self.place]] = True
        return claims

    def accept(self, token: int) -> None:
        assert token == (50, 51, 52)[self.place]
        self.place += 1


class Form:
    """A form: in turn `run` tokens that are forced, so many told at once, and one of two that is chosen."""

    def __init__(self, run: int, at_once: int, accepted: int = 0) -> None:
        self.run, self.at_once, self.accepted = run, at_once, accepted

    def copy(self) -> Self:
        return type(self)(self.run, self.at_once, self.accepted)

    def forced(self, remaining: int) -> tuple[int, ...]:  # noqa: ARG002
        left = self.run - self.accepted % (self.run + 1)
        return tuple(60 + (self.accepted + place) % 7 for place in range(min(left, self.at_once)))

    def allowed(self, remaining: int) -> NDArray[np.bool_]:  # noqa: ARG002
        claims = np.zeros(280, dtype=np.bool_)
        claims[[40, 41]] = True
        return claims

    def accept(self, token: int) -> None:  # noqa: ARG002
        self.accepted += 1


def test_a_constraint_is_obeyed_and_what_it_forces_has_probability_one(model: Model) -> None:
    question = Question("q", (9, 9), Spelling())
    (group,) = sample(model, [question], Sampling(samples=2, max_new_tokens=6))
    for completion in group:
        assert completion.tokens == (50, 51, 52, 2)
        assert completion.logprobs == (0.0, 0.0, 0.0, 0.0)
        assert completion.finished


def test_the_end_token_is_no_part_of_the_text(model: Model) -> None:
    (group,) = sample(model, [Question("q", (9,), Spelling())], Sampling(max_new_tokens=6))
    assert group[0].text == model.tokenizer.decode([50, 51, 52])


def test_a_completion_cut_off_says_so(model: Model) -> None:
    (group,) = sample(model, [Question("q", (9,), Spelling())], Sampling(max_new_tokens=2))
    assert (group[0].tokens, group[0].finished) == ((50, 51), False)


def test_rows_that_end_early_do_not_disturb_the_others(model: Model) -> None:
    free = QUESTIONS[3]
    alone = flat(list(sample(model, [free], Sampling(temperature=0.0, max_new_tokens=15))))
    beside = list(
        sample(
            model,
            [*(Question(f"s{i}", (9,), Spelling()) for i in range(5)), free],
            Sampling(temperature=0.0, max_new_tokens=15),
        )
    )
    assert beside[-1][0].tokens == alone[0].tokens


def test_a_prompt_without_room_for_an_answer_is_an_error(model: Model) -> None:
    with pytest.raises(ModelError, match=r"q = 500: .*context of 512.*Shorten"):
        list(sample(model, [Question("q", (5,) * 500)], Sampling(max_new_tokens=100)))


def test_completions_are_frozen(model: Model) -> None:
    (group,) = sample(model, [QUESTIONS[0]], Sampling(max_new_tokens=1))
    with pytest.raises(dataclasses.FrozenInstanceError):
        group[0].text = "other"  # type: ignore[misc]


@pytest.mark.parametrize("run", [0, 3, 40])
def test_forced_tokens_fed_together_or_one_by_one_make_the_same_completion(model: Model, run: int) -> None:
    def written(at_once: int) -> list[Completion]:
        questions = [
            Question(f"q{place}", tokens, Form(run + place % 2, at_once))
            for place, tokens in enumerate(PROMPTS)
        ]
        return flat(list(sample(model, questions, Sampling(samples=3, max_new_tokens=50, rows=5))))

    together, single = written(99), written(1)
    assert len({completion.tokens for completion in together}) > 1
    for one, other in zip(together, single, strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-5)
        assert (one.tokens, one.text) == (other.tokens, other.text)


@pytest.mark.parametrize("limit", [20, 70, 130])
def test_a_replay_gives_the_masks_that_answers_were_drawn_under(
    any_model: Model, order: Schema, limit: int
) -> None:
    # A short way to the end of an order takes about 60 tokens: it is cut, hurried, and has room.
    grammar = Grammar(order, Vocabulary(any_model))
    questions = [Question(f"q{place}", tokens, grammar) for place, tokens in enumerate(PROMPTS)]
    settings = Sampling(samples=2, temperature=0.9, max_new_tokens=limit, rows=5)
    for question, group in zip(questions, sample(any_model, questions, settings), strict=True):
        for completion in group:
            replayed = replay(grammar, completion.tokens, limit)
            logit_TV = plain_logits(any_model.network, question.tokens, completion.tokens) / 0.9
            wanted = torch.tensor(replayed.wanted)
            logit_NV = logit_TV[wanted].masked_fill(torch.from_numpy(~replayed.allowed), -torch.inf)
            target_N1 = torch.tensor(completion.tokens)[wanted][:, None]
            expected = torch.zeros(len(wanted))
            expected[wanted] = logit_NV.log_softmax(-1).gather(1, target_N1)[:, 0]
            assert completion.logprobs == pytest.approx(expected.tolist(), abs=1e-5)
            assert {completion.logprobs[place] for place in (~wanted).nonzero()[:, 0]} == {0.0}
            assert 0 < sum(replayed.wanted) < len(completion.tokens)


def test_an_answer_that_is_forced_throughout_asks_nothing_of_the_model(model: Model) -> None:
    # The first prompt is in no vocabulary: reading it would fail.
    question = Question("q", (10**6,), Form(run=9, at_once=9))
    (group,) = sample(model, [question], Sampling(samples=2, max_new_tokens=6))
    assert [completion.tokens for completion in group] == [(60, 61, 62, 63, 64, 65)] * 2


def test_further_completions_are_sampled_without_the_constraint(model: Model) -> None:
    question = Question("q", (9, 9), Spelling(), free=2)
    (group,) = sample(model, [question], Sampling(samples=2, max_new_tokens=6))
    (unbound,) = sample(model, [Question("q", (9, 9))], Sampling(samples=4, max_new_tokens=6))
    assert [completion.index for completion in group] == [0, 1, 2, 3]
    assert [completion.tokens for completion in group[:2]] == [(50, 51, 52, 2)] * 2
    assert [completion.tokens for completion in group[2:]] == [c.tokens for c in unbound[2:]]
