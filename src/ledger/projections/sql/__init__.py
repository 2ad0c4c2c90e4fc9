"""Read-model tables and the statements of the runner, as SQL."""
