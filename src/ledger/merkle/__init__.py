"""The Merkle tree over the log: pure functions of bytes, which read no file, clock or database."""
