"""Train a small language model you own to return JSON that obeys your schema, and prove it."""

__version__ = "0.1.0"
