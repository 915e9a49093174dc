"""Blobs on a local disk."""
