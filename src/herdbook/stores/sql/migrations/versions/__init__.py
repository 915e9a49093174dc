"""The steps between schemas, oldest first."""
