"""Ranges of settings: what is outside raises `ConfigError`."""

import math

from adhere.errors import ConfigError


def add_up_to_1(where: str, given: tuple[float, ...], fix: str) -> None:
    """Refuse weights of which one is negative, or that do not add up to 1."""
    if min(given) < 0 or not math.isclose(math.fsum(given), 1.0, abs_tol=1e-9):
        raise ConfigError.at(
            where, given, "rewards lie in [0, 1], so weights are at least 0 and add up to 1", fix=fix
        )


def at_least(where: str, given: float, bound: float, why: str) -> None:
    """Refuse a number below `bound`, or one that is not finite."""
    _finite(where, given)
    if given < bound:
        raise ConfigError.at(where, given, why, fix=f"Use {bound} or more")


def above(where: str, given: float, bound: float, why: str) -> None:
    """Refuse a number of at most `bound`, or one that is not finite."""
    _finite(where, given)
    if given <= bound:
        raise ConfigError.at(where, given, why, fix=f"Use more than {bound}")


def within(where: str, given: float, low: float, high: float, why: str) -> None:
    """Refuse a number outside `low` to `high`, both included."""
    if not low <= given <= high:
        raise ConfigError.at(where, given, why, fix=f"Use {low} to {high}")


def _finite(where: str, given: float) -> None:
    if not math.isfinite(given):
        raise ConfigError.at(where, given, "it is not a finite number", fix="Use one")


def seed_counts(verb: str, given: int) -> None:
    """Refuse a seed below 0."""
    at_least(f"{verb}.seed", given, 0, "seeds are counted from 0")
