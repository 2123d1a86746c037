import json
from pathlib import Path

import pytest

from adhere import artifact
from adhere.cli import main
from adhere.config import QuickstartConfig
from adhere.data import store
from adhere.model import load
from adhere.quickstart import closing_words, quickstart


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small quickstart with labels, so that every part of it runs."""
    out = tmp_path_factory.mktemp("quickstart") / "run"
    quickstart(QuickstartConfig(out=out, rows=12, held_out=10, labels=6, steps=2))
    return out


def test_the_summary_has_every_evaluation(made: Path) -> None:
    summary = json.loads((made / "summary.json").read_text())
    for name in ("before", "after_sft", "after", "after_constrained"):
        evaluation = summary[name]
        assert evaluation["rows"] == 10
        assert evaluation["schema_valid"]["tries"] == evaluation["exact"]["tries"] == 10
    assert summary["after_constrained"]["constrained"] is True
    assert summary["after_constrained"]["schema_valid"]["hits"] == 10


def test_training_texts_have_no_labels_and_held_out_ones_do(made: Path) -> None:
    texts = store.read(made / "data").examples
    held_out = store.read(made / "data" / "held_out.jsonl").examples
    labelled = store.read(made / "data" / "labelled.jsonl").examples
    assert [len(texts), len(held_out), len(labelled)] == [12, 10, 6]
    assert all(example.target is None for example in texts)
    assert all(example.target is not None for example in held_out + labelled)
    assert not {example.text for example in texts} & {example.text for example in labelled}


def test_the_directory_is_sealed_and_holds_a_model_a_report_and_all_logs(made: Path) -> None:
    artifact.verify(made)
    load(str(made / "checkpoint"))
    assert "<svg" in (made / "report.html").read_text()
    assert len((made / "grpo" / "metrics.jsonl").read_text().splitlines()) == 2
    assert len((made / "grpo" / "rollouts.jsonl").read_text().splitlines()) == 2 * 64
    assert len((made / "predictions_after.jsonl").read_text().splitlines()) == 10


def test_what_the_user_reads_last_names_numbers_report_and_use(made: Path) -> None:
    words = closing_words(json.loads((made / "summary.json").read_text()))
    for expected in ("before", "after, sft", "after, constrained", "report.html", "adhere extract --model"):
        assert expected in words


def test_the_line_that_uses_the_result_works(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--model", str(made / "checkpoint"), "--schema", str(made / "data" / "schema.json")]
    assert main(["extract", *arguments, "Invoice by Bolt & Sons of 3 May 2026, € 1,250.00"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert list(answer) == ["vendor", "date", "amount", "currency"]


def test_the_same_seed_gives_the_same_numbers(made: Path, tmp_path: Path) -> None:
    again = quickstart(QuickstartConfig(out=tmp_path / "again", rows=12, held_out=10, labels=6, steps=2))
    first = json.loads((made / "summary.json").read_text())
    for name in ("before", "after_sft", "after", "after_constrained"):
        evaluation = again[name]
        assert isinstance(evaluation, dict)
        assert {key: value for key, value in evaluation.items() if key != "seconds"} == {
            key: value for key, value in first[name].items() if key != "seconds"
        }
