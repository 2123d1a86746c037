"""Nano's recipe: its layers are those of transformers, and a killed run ends like an undisturbed one."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import documents
import initial
import pytest
import rows
import torch
from layers import Layers
from recipe import Recipe, read
from safetensors.torch import load_file
from transformers import Qwen2ForCausalLM

from adhere import prompt
from adhere.data.source import shape_of
from adhere.train.checkpoint import newest_first

train = importlib.import_module("train")  # by name: a type checker finds tests/train first
RECIPE = Path(documents.__file__).parent
TINY = RECIPE / "tiny.toml"


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return read(TINY)


@pytest.fixture(scope="module")
def network(recipe: Recipe) -> Qwen2ForCausalLM:
    torch.manual_seed(0)
    made = Qwen2ForCausalLM(initial.config(recipe.shape))
    initial.induce(made)
    return made.eval()


@pytest.mark.parametrize("length", [40, 256, 300], ids=["part of a block", "a block", "two blocks"])
def test_the_layers_say_what_transformers_says(network: Qwen2ForCausalLM, length: int) -> None:
    token_BT = torch.randint(7, 512, (3, length), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        theirs = network.model(token_BT).last_hidden_state
        ours = Layers(network, torch.float32)(token_BT)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_the_layers_give_the_gradients_of_transformers(network: Qwen2ForCausalLM) -> None:
    token_BT = torch.randint(7, 512, (2, 300), generator=torch.Generator().manual_seed(2))
    found: list[list[torch.Tensor]] = []
    for forward in (lambda tokens: network.model(tokens).last_hidden_state, Layers(network, torch.float32)):
        network.zero_grad()
        forward(token_BT).pow(2).mean().backward()
        found.append(
            [weight.grad.clone() for weight in network.model.parameters() if weight.grad is not None]
        )
    for theirs, ours in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_first_weights_copy_what_followed_a_pair() -> None:
    # Seven of random tokens are repeated: from the third on, the pair before says what comes.
    torch.manual_seed(3)
    network = Qwen2ForCausalLM(initial.config(read(RECIPE / "nano.toml").shape)).eval()
    initial.induce(network)
    right = 0
    for seed in range(20):
        drawn = torch.randint(7, 2048, (1, 24), generator=torch.Generator().manual_seed(seed))
        token_1T = torch.cat([drawn, drawn[:, :7]], 1)
        with torch.no_grad():
            likeliest = network(token_1T).logits[0, -1].topk(20).indices
        right += int(drawn[0, 7]) in likeliest.tolist()
    assert right >= 14  # by chance, 20 of 2,048 tokens hold it once in a hundred


def test_a_document_is_a_function_of_its_number(recipe: Recipe) -> None:
    assert rows.row(5, 3, recipe.long) == rows.row(5, 3, recipe.long)
    assert rows.row(5, 3, recipe.long) != rows.row(5, 4, recipe.long)


def test_what_is_read_and_what_is_measured_share_no_shape(recipe: Recipe) -> None:
    for side, other in ((rows.TRAIN, rows.HELD_OUT), (rows.HELD_OUT, rows.TRAIN)):
        marks = [shape_of(rows.row(1, number, recipe.strict, side).schema) for number in range(12)]
        assert all(side.admits("shape", mark) and not other.admits("shape", mark) for mark in marks)


def test_processes_beside_make_the_same_pools(recipe: Recipe, tokenizer: Path) -> None:
    pool = documents.Pool(recipe, recipe.long, tokenizer, seed=1)
    alone, beside = documents.Ahead(pool, workers=0), documents.Ahead(pool, workers=1)
    # The second pool is taken in another stage than that for which it was made ahead.
    taken = [[ahead.take(0, 0), ahead.take(1, 1_000_000)] for ahead in (alone, beside)]
    beside.close()
    assert taken[0] == taken[1]


def test_every_row_of_a_pool_is_in_one_batch(recipe: Recipe, tokenizer: Path) -> None:
    rendered = documents.Pool(recipe, recipe.long, tokenizer, seed=1).rendered(0, 0)
    batches = list(documents.batches(rendered, recipe, number=0))
    assert sum(batch.tokens for batch in batches) == sum(len(row.tokens) for row in rendered)
    assert all(batch.token_BT.numel() <= recipe.learning.batch_tokens for batch in batches)
    answers = sum(int(batch.answer_BT.sum()) for batch in batches)
    assert answers == sum(sum(row.is_answer) for row in rendered)


@pytest.fixture(scope="module")
def tokenizer(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tokenizer")
    texts = documents.texts(recipe, seed=1, count=80)
    made = train.tokenizers.build((*texts, *prompt.SYSTEM.values()), vocabulary=512, context=512)
    made.save_pretrained(directory)
    return directory


@pytest.mark.slow
def test_a_run_that_was_killed_ends_like_one_that_was_not(tmp_path: Path) -> None:
    command = [sys.executable, str(RECIPE / "train.py"), "--recipe", str(TINY), "--no-compile",
               "--threads", "1",
               "--tokens", "120000", "--look-rows", "2", "--save-seconds", "0"]  # fmt: skip
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    subprocess.run([*command, "--out", str(undisturbed)], check=True, capture_output=True)
    for _ in range(3):
        process = subprocess.Popen([*command, "--out", str(killed)], stderr=subprocess.DEVNULL)
        before = len(newest_first(killed))
        while process.poll() is None and len(newest_first(killed)) <= before:
            pass
        process.kill()
        process.wait()
    subprocess.run([*command, "--out", str(killed)], check=True, capture_output=True)
    ends = [newest_first(run)[0] for run in (undisturbed, killed)]
    for name in ("model.safetensors", "moments.safetensors"):
        ours, theirs = (load_file(end / name) for end in ends)
        assert all(torch.equal(ours[key], theirs[key]) for key in ours | theirs)
    positions = [json.loads((end / "position.json").read_text()) for end in ends]
    assert positions[0] == positions[1]
    assert positions[0]["read"] >= 120_000
