"""Examples: made from a schema, brought in from elsewhere, and kept."""
