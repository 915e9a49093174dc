"""Settings, discovery, open(): the only place that knows concrete classes."""
