"""The HTTP API: FastAPI on top of the services, and nothing of its own below them."""
