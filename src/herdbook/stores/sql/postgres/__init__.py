"""The catalogue in a PostgreSQL database: its connections, how it is opened and made, what it says when it cannot."""
