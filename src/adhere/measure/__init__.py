"""Verdicts counted into rates, means, intervals and tests."""
