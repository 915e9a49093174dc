"""Capture: what is noticed of a training while it runs, kept in a spool, and sent to a registry later."""
