"""Which groups a step learns from, by name or by a function of the user's."""

from pathlib import Path

import pytest

from adhere.errors import ConfigError, RewardError
from adhere.train.acceptance import files, load


@pytest.mark.parametrize(
    ("accept", "advantages", "accepted"),
    [
        ("informative", [-1.0, 1.0], True),
        ("informative", [0.0, 0.0], False),
        ("all", [-1.0, 1.0], True),
        ("all", [0.0, 0.0], True),
    ],
)
def test_a_name_goes_by_whether_a_group_carries_signal(
    accept: str, advantages: list[float], *, accepted: bool
) -> None:
    assert load(accept)([0.0, 1.0], advantages) is accepted
    assert files(accept) == []


def own(directory: Path, body: str) -> str:
    (directory / "own.py").write_text(f"def wanted(rewards):\n    {body}\n")
    return f"{directory}/own.py:wanted"


def test_a_function_is_given_the_rewards(tmp_path: Path) -> None:
    accept = own(tmp_path, "return 0 < sum(rewards) / len(rewards) < 0.5")
    assert files(accept) == [tmp_path / "own.py"]
    chosen = load(accept)
    assert [chosen(rewards, []) for rewards in ([0.0, 0.0], [0.0, 0.5], [1.0, 1.0])] == [False, True, False]


def test_what_a_function_does_to_the_rewards_stays_with_it(tmp_path: Path) -> None:
    rewards = [1.0, 0.0]
    assert load(own(tmp_path, "rewards.clear(); return True"))(rewards, [])
    assert rewards == [1.0, 0.0]


def test_a_function_that_raises_stops_the_run_with_its_traceback(tmp_path: Path) -> None:
    accept = load(own(tmp_path, "return rewards[9] > 0"))
    with pytest.raises(
        RewardError, match=r"own.py:2, .*own.py:wanted = IndexError.*Mend the function"
    ) as caught:
        accept([0.0], [])
    assert "return rewards[9] > 0" in "".join(caught.value.__notes__)


@pytest.mark.parametrize("body", ["return None", "return 1", "return 'yes'"])
def test_a_function_that_says_neither_true_nor_false_stops_the_run(tmp_path: Path, body: str) -> None:
    with pytest.raises(RewardError, match="says True or False"):
        load(own(tmp_path, body))([0.0], [])


def test_a_function_that_is_not_there_is_named_by_its_setting(tmp_path: Path) -> None:
    own(tmp_path, "return True")
    with pytest.raises(ConfigError, match=r"grpo.accept = .*no function 'wantd'; perhaps you meant wanted"):
        load(f"{tmp_path}/own.py:wantd")
    with pytest.raises(ConfigError, match=r"grpo.accept = .*the file cannot be read"):
        load(f"{tmp_path}/none.py:wanted")
