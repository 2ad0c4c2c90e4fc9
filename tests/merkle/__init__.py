"""The promises of `ledger.merkle`, held against definitions and vectors that it does not share."""
