"""Places of the outside world: each file serves one kind, and none knows another."""
