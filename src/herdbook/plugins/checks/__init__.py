"""Checks: each file holds a few rules that look at the same things."""
