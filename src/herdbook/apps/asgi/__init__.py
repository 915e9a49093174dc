"""The server as a process: where it listens, how it starts, how it stops."""
