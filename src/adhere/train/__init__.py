"""Supervised fine-tuning and reinforcement learning: two loops side by side."""
