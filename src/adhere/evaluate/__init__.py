"""Answers of a model over a data set: predicted, measured, compared and reported."""
