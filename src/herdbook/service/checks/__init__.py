"""Checks: small functions from the evidence about a version to the score of one item."""
