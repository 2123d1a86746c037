"""Writes the text that states a target, in one of several layouts."""
