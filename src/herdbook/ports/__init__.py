"""The ports: Protocols, and nothing else."""
