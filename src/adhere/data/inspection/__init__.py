"""What may be wrong with examples."""
