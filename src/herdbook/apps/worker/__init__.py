"""The process in which readers run."""
