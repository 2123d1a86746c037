"""Draws values that obey a schema, whatever it asks."""
