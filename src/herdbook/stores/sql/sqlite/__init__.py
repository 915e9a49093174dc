"""The catalogue in one SQLite file: its connections, how it is opened and made, what it says when it cannot."""
