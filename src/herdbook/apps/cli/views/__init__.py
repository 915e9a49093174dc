"""Views: values drawn for a terminal. Nothing here asks the registry anything."""
