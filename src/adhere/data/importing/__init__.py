"""Brings rows in from elsewhere."""
