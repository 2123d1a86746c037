"""Shared prompts against plain passes: one sequence a row, transformers' own attention, all logits."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.conftest import tiny_model
from transformers import AutoConfig, AutoModelForCausalLM

from adhere import attention
from adhere.attention import Manner
from adhere.config import Lora
from adhere.errors import ModelError
from adhere.model import Model, add_lora
from adhere.train.forward import answer_logprobs
from adhere.train.pack import Answer, Group, Pack, packs

VOCABULARY = 300
TOLERANCE = 1e-5
"""Of float32, relative."""


def drawn(prompt: int, *answers: int) -> Group:
    """Draw a prompt and answers of these lengths."""
    draw = torch.Generator().manual_seed(prompt)
    made = [tuple(torch.randint(3, VOCABULARY, (n,), generator=draw).tolist()) for n in (prompt, *answers)]
    return Group(made[0], tuple(Answer(tokens) for tokens in made[1:]))


GROUPS = [drawn(17, 6, 3, 1, 6), drawn(3, 4), drawn(9, 1, 1), drawn(12, 5, 5, 5)]
"""Prompts of several lengths; answers of equal and of other lengths, of one token, and alone."""


def with_adapters(model: Model) -> Model:
    """Give a model adapters that do something: fresh ones add zero."""
    add_lora(model, Lora(rank=2, alpha=2.0), seed=1)
    with torch.no_grad():
        for name, weight in model.network.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.1, generator=torch.Generator().manual_seed(len(name)))
    return model


def windowed(architecture: str) -> Model:
    """Build a model whose first layer sees 5 tokens and whose second sees all."""
    model = tiny_model(architecture)
    config = model.network.config
    config.sliding_window, config.layer_types = 5, ["sliding_attention", "full_attention"]
    torch.manual_seed(0)
    return replace(model, network=AutoModelForCausalLM.from_config(config).eval())


def plainly(model: Model, groups: Sequence[Group], temperature: float = 1.0) -> torch.Tensor:
    """Return the log-probabilities of all wanted tokens, computed as a textbook would."""
    model.network.set_attn_implementation("eager")
    logprobs: list[torch.Tensor] = []
    for group in groups:
        for answer in group.answers:
            sequence_1T = torch.tensor([group.prompt + answer.tokens])
            logit_TV = model.network(input_ids=sequence_1T, use_cache=False).logits[
                0, len(group.prompt) - 1 :
            ]
            logit_NV = logit_TV[answer.places] / temperature
            if answer.allowed is not None:
                logit_NV = logit_NV.masked_fill(~torch.from_numpy(answer.allowed), -torch.inf)
            target_N = torch.tensor([answer.tokens[place] for place in answer.places], dtype=torch.long)
            logprobs.append(logit_NV.log_softmax(-1).gather(-1, target_N[:, None])[:, 0])
    model.network.set_attn_implementation(attention.NAME)
    return torch.cat(logprobs)


def shared(
    model: Model, groups: Sequence[Group], *, temperature: float = 1.0, tokens: int = 1000
) -> torch.Tensor:
    made = [
        answer_logprobs(model, pack, temperature=temperature)
        for _, pack in packs(groups, model.device, tokens=tokens)
    ]
    return torch.cat([answered.logprob_N for answered in made])


def assert_equal_with_gradients(model: Model, one_N: torch.Tensor, other_N: torch.Tensor) -> None:
    """Compare log-probabilities and what a weighted sum of them teaches each parameter."""
    assert torch.allclose(one_N, other_N, rtol=TOLERANCE, atol=TOLERANCE)
    weights = {name: weight for name, weight in model.network.named_parameters() if weight.requires_grad}
    weight_N = torch.linspace(-1, 1, len(one_N))
    ones, others = (
        torch.autograd.grad((logprob_N * weight_N).sum(), list(weights.values()))
        for logprob_N in (one_N, other_N)
    )
    whole = torch.cat([grad.flatten() for grad in others]).norm()
    for name, one, other in zip(weights, ones, others, strict=True):
        # A bias of keys has no gradient but rounding: it adds the same to all scores of a query.
        assert (one - other).norm() <= TOLERANCE * max(other.norm(), 0.1 * whole), name


@pytest.mark.parametrize("adapted", [False, True], ids=["all weights", "adapters"])
@pytest.mark.parametrize("architecture", ["qwen2", "llama", "qwen3", "gemma2", "gemma3_text"])
def test_shared_prompts_change_neither_log_probabilities_nor_gradients(
    architecture: str,
    *,
    adapted: bool,
) -> None:
    model = tiny_model(architecture)
    if adapted:
        with_adapters(model)
    assert_equal_with_gradients(model, shared(model, GROUPS), plainly(model, GROUPS))


@pytest.mark.parametrize("architecture", ["qwen2", "qwen3", "gemma2", "gemma3_text"])
def test_windows_shorter_than_the_prompt_are_kept(architecture: str) -> None:
    model = windowed(architecture)
    assert_equal_with_gradients(model, shared(model, GROUPS), plainly(model, GROUPS))


def test_the_temperature_divides_the_logits(model: Model) -> None:
    together_N = shared(model, GROUPS, temperature=0.5)
    assert_equal_with_gradients(model, together_N, plainly(model, GROUPS, temperature=0.5))


@pytest.mark.parametrize("groups", [GROUPS, GROUPS[1:2]], ids=["several answers", "one answer"])
def test_the_way_for_other_devices_attends_as_that_for_a_cpu(groups: list[Group]) -> None:
    pack = Pack(groups, torch.device("cpu"))
    tokens = pack.token_1T.shape[1]
    draw = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(1, heads, tokens, 8, generator=draw) for heads in (4, 2, 2))
    whole = pack.attend(0, query, key, value, Manner(0.3))
    # Narrower values, as layers with compressed keys have, do not go by the kernel for a CPU.
    narrow = pack.attend(0, query, key, value[..., :5], Manner(0.3))
    assert torch.allclose(narrow, whole[..., :5], atol=TOLERANCE)


def bounded() -> list[Group]:
    """Answers of which some tokens are wanted, out of some tokens that were allowed."""
    draw = np.random.default_rng(0)
    groups: list[Group] = []
    for group in GROUPS:
        answers: list[Answer] = []
        for answer in group.answers:
            wanted = tuple(place % 3 != 1 for place in range(len(answer.tokens)))
            targets = [token for token, is_wanted in zip(answer.tokens, wanted, strict=True) if is_wanted]
            allowed = draw.random((len(targets), VOCABULARY)) < 0.3
            allowed[np.arange(len(targets)), targets] = True
            answers.append(Answer(answer.tokens, wanted, allowed if len(answers) % 2 == 0 else None))
        groups.append(Group(group.prompt, tuple(answers)))
    return groups


def test_probability_is_shared_among_the_tokens_allowed(model: Model) -> None:
    groups = bounded()
    assert_equal_with_gradients(model, shared(model, groups), plainly(model, groups))


def test_a_token_that_stands_alone_is_certain_and_teaches_nothing(model: Model) -> None:
    allowed = np.zeros((1, VOCABULARY), dtype=bool)
    allowed[0, 7] = True
    pack = Pack([Group((5, 6), (Answer((7,), allowed=allowed),))], model.device)
    answered = answer_logprobs(model, pack)
    assert (answered.logprob_N.tolist(), answered.entropy_N.tolist()) == ([0.0], [0.0])
    answered.logprob_N.sum().backward()
    assert all(weight.grad is None or not weight.grad.any() for weight in model.network.parameters())


@pytest.mark.parametrize("groups", [GROUPS, bounded()], ids=["all allowed", "some allowed"])
def test_chunks_of_the_vocabulary_and_packs_change_nothing(model: Model, groups: list[Group]) -> None:
    whole_N = shared(model, groups)
    parted_N = shared(model, groups, tokens=20)
    assert_equal_with_gradients(model, parted_N, shared(model, groups))
    chunked = answer_logprobs(model, Pack(groups, model.device), logits=4 * VOCABULARY)
    assert_equal_with_gradients(model, chunked.logprob_N, whole_N)


def test_entropy_is_of_the_distribution_drawn_from_and_has_no_gradient(model: Model) -> None:
    allowed = np.zeros((1, VOCABULARY), dtype=bool)
    allowed[0, [7, 9]] = True
    with torch.no_grad():
        for weight in model.network.parameters():
            weight.zero_()
    answers = (Answer((7,), allowed=allowed), Answer((7,)))
    answered = answer_logprobs(model, Pack([Group((5, 6), answers)], model.device))
    # Where all logits are 0, each of n tokens has probability 1 / n.
    assert answered.entropy_N.tolist() == pytest.approx([np.log(2), np.log(VOCABULARY)], rel=TOLERANCE)
    assert answered.logprob_N.tolist() == pytest.approx([-np.log(2), -np.log(VOCABULARY)], rel=TOLERANCE)
    assert not answered.entropy_N.requires_grad


def test_an_answer_with_nothing_wanted_says_nothing(model: Model) -> None:
    answered = answer_logprobs(model, Pack([Group((5, 6), (Answer((7,), (False,)),))], model.device))
    assert answered.logprob_N.tolist() == []
    answered.logprob_N.sum().backward()


def test_a_pass_without_gradients_says_the_same(model: Model) -> None:
    with torch.no_grad():
        without_N = shared(model, GROUPS)
        chunked = answer_logprobs(model, Pack(GROUPS, model.device), logits=4 * VOCABULARY)
    assert torch.equal(without_N, shared(model, GROUPS))
    assert torch.allclose(without_N, chunked.logprob_N, atol=TOLERANCE)
    assert not without_N.requires_grad


@pytest.mark.parametrize("architecture", ["qwen2", "qwen3"])
def test_under_autocast_it_is_as_right_as_half_the_digits_allow(architecture: str) -> None:
    model = tiny_model(architecture)
    with torch.autocast("cpu", torch.bfloat16):
        rough_N = shared(model, GROUPS)
    rough_N.sum().backward()
    assert torch.allclose(rough_N, plainly(model, GROUPS), atol=0.02)


def test_adapters_may_drop_out_in_training(model: Model) -> None:
    add_lora(model, Lora(rank=2, dropout=0.5), seed=1)
    model.network.train()
    torch.manual_seed(0)
    shared(model, GROUPS).sum().backward()
    taught = {name for name, weight in model.network.named_parameters() if weight.grad is not None}
    assert taught
    assert all("lora" in name for name in taught)


SMALL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "pad_token_id": 0,
    "bos_token_id": None,
    "eos_token_id": 2,
    # Of the layers with a state.
    "mamba_d_ssm": 32,
    "mamba_n_heads": 4,
    "mamba_d_head": 8,
    "mamba_d_state": 8,
    "mamba_chunk_size": 16,
}


def untold(architecture: str) -> Model:
    torch.manual_seed(0)
    config = AutoConfig.for_model(architecture, **SMALL)
    return replace(tiny_model(), network=AutoModelForCausalLM.from_config(config))


@pytest.mark.parametrize(
    ("architecture", "why"),
    [
        pytest.param("mamba", "cannot be told who sees whom", id="no attention at all"),
        pytest.param("stablelm", "not all of its layers attend", id="attention of its own"),
        pytest.param("falcon_h1", "are off by", id="attention beside a state"),
        pytest.param("gpt_oss", "sinks", id="attention with sinks"),
        pytest.param("llama4_text", "by chunks", id="attention by chunks"),
    ],
)
def test_a_network_that_cannot_share_prompts_is_refused(architecture: str, why: str) -> None:
    model = untold(architecture)
    with pytest.raises(ModelError, match=why):
        shared(model, GROUPS)


def test_the_proof_draws_nothing_and_leaves_the_network_as_it_was() -> None:
    model = tiny_model()
    model.network.train()
    model.network.get_input_embeddings().eval()
    before, state = {m for m in model.network.modules() if m.training}, torch.get_rng_state()
    shared(model, GROUPS)
    assert {m for m in model.network.modules() if m.training} == before
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("architecture", ["cohere", "granite"])
def test_logits_are_scaled_as_the_network_scales_them(architecture: str) -> None:
    model = untold(architecture)
    config = model.network.config
    if architecture == "granite":
        config.logits_scaling = 3.0
    assert_equal_with_gradients(model.network.eval() and model, shared(model, GROUPS), plainly(model, GROUPS))
