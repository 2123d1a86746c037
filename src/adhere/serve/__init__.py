"""Serves a model behind an OpenAI-compatible endpoint that keeps its word."""
