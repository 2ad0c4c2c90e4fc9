"""Certified reports: a file with figures, the signed checkpoint, and the entries that the figures follow from.

`making` writes one, `verifying` checks it without a database, a server or a network: both make the report by the same
function, from a ledger here and from the `evidence` of the file there, and the bytes must be equal.
"""
