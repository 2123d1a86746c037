"""The one sampling loop, and the constraints it obeys."""
