"""Formats and their host."""
