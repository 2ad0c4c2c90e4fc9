"""The promises of `ledger.attribution`: the acceptance cases, the worked examples of the docs, and a naive reference."""
