"""Herdbook: bookkeeping for trained inference models."""

__version__ = "0.1.0"
