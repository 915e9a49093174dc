"""The runner of one job: ``python -m herdbook.apps.worker.job FOLDER``."""
