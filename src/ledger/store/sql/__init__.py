"""The statements of the store, as SQL."""
