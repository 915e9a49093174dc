"""The server: handlers parse, call the façade, render."""
