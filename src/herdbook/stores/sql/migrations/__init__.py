"""How a catalogue of an older schema is brought up to date. Imported only for that: Alembic is heavy."""
