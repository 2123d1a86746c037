"""Settings of the verb that runs a whole study."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyConfig:
    """Make data, train contestants, measure them on the same rows and compare them, as one file says."""

    file: Path
    """TOML file of the study, as `docs/study.md` describes; its flag may be left out."""
    out: Path
    """Directory for all that is made. Run again, a study that was killed goes on where it stood."""
    set: tuple[str, ...] = ()
    """Settings that win over the file's, such as data.train.rows=40 grpo.steps=2."""
    json: bool = False
    """Print one JSON object instead of tables."""
