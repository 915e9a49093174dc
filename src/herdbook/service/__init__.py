"""The use cases: all rules that need a catalogue, a blob store or a reader."""
