"""What a user can do, whichever door he comes in by."""
