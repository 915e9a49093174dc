"""Importers: each opens one kind of source."""
