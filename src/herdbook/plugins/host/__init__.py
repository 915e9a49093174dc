"""The pool of worker processes that readers run in."""
