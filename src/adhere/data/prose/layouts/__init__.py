"""Layouts of texts: each writes an outline in a form of its own."""
