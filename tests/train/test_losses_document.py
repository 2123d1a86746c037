"""The tables of docs/losses.md are true."""

import math
import re
from pathlib import Path
from typing import get_args

import pytest
import torch

from adhere.config import Advantage, Combine, GrpoSettings, Loss
from adhere.reward.score import Score, weights
from adhere.train.advantage import advantages, group_advantages
from adhere.train.loss import Taken, policy_loss, token_weights

DOCS = (Path(__file__).parents[2] / "docs" / "losses.md").read_text()


def section(heading: str) -> str:
    return re.split(r"\n#+ ", DOCS.partition(f"# {heading}\n")[2])[0]


def lines(heading: str) -> dict[str, list[float]]:
    """Lines of a table by their name, with the numbers that follow it."""
    found = re.findall(r"^\| `?(\w+)`?((?: \| −?[\d.]+)+) \|$", section(heading), re.MULTILINE)
    return {name: [float(cell.replace("−", "-")) for cell in cells.split(" | ")[1:]] for name, cells in found}


EXAMPLE = lines("Example")
COMPARED = lines("Advantages")
PARTS = lines("Rewards of several parts")


def test_the_tables_are_found() -> None:
    assert EXAMPLE.keys() == set(get_args(Loss))
    assert COMPARED.keys() == {"rewards", *get_args(Advantage)}
    assert PARTS.keys() == {"json", "format", "total", *get_args(Combine)}


@pytest.mark.parametrize("loss", get_args(Loss))
def test_each_loss_is_the_one_of_the_example(loss: Loss) -> None:
    weight = token_weights(loss, [2, 1, 3, 2], trained=[True, True, False, False], limit=8)
    logprob_N = torch.tensor([0.5, 0.3, 0.45]).log().requires_grad_()
    old_N = torch.tensor([0.5, 0.2, 0.5]).log()
    made = policy_loss(
        Taken(
            logprob_N=logprob_N,
            old_logprob_N=old_N,
            sampled_logprob_N=old_N,
            answer_N=torch.tensor([0, 0, 1]),
            advantage_C=torch.tensor([1.0, -1.0]),
            weight_C=torch.tensor(weight[:2]),
        ),
        GrpoSettings(loss=loss, clip=0.2),
    ).loss
    made.backward()
    assert logprob_N.grad is not None
    numbers = [*weight[:2], float(made.detach()), *logprob_N.grad.tolist()]
    assert numbers == pytest.approx(EXAMPLE[loss], abs=6e-5)


@pytest.mark.parametrize("how", get_args(Advantage))
def test_each_advantage_is_the_one_of_the_table(how: Advantage) -> None:
    assert group_advantages(COMPARED["rewards"], how) == pytest.approx(COMPARED[how], abs=6e-5)


@pytest.mark.parametrize("combine", get_args(Combine))
def test_parts_are_combined_as_in_the_table(combine: Combine) -> None:
    weighed = weights("thinkjson")
    group = [
        Score(total, "obeys", {"json": json, "format": form})
        for json, form, total in zip(PARTS["json"], PARTS["format"], PARTS["total"], strict=True)
    ]
    for each in group:
        assert math.fsum(weighed[name] * part for name, part in each.parts.items()) == pytest.approx(
            each.total
        )
    (made,) = advantages([group], "zscore", combine, weights=weighed)
    assert made == pytest.approx(PARTS[combine], abs=6e-5)
