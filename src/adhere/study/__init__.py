"""Data, contestants, evaluations and comparisons, as one file lays them down."""
