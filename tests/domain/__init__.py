"""The domain by its promises: given these events, when this command, then those events. No database."""
