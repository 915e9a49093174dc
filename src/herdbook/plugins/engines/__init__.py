"""Engines: where a job's runner is run."""
