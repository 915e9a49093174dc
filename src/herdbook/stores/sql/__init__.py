"""The catalogue on SQLAlchemy Core."""
