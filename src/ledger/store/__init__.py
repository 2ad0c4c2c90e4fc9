"""PostgreSQL, and nothing else: the log's bytes, the way into it and out of it."""
