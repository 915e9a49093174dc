"""The model: frozen values that say what a version, a dataset, an activity, a statement is, and pure rules."""
