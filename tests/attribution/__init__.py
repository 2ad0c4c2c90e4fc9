"""The promises of `ledger.attribution`: the acceptance cases, the worked examples of the page, a naive reference."""
