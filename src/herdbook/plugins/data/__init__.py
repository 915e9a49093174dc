"""Readers of data sets' files, one a format; none imports another."""
