"""Retraining: from a version to a plan, from the plan to a job, from the job's result to a statement."""
