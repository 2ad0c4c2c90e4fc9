"""The catalogues: `ledger.po`, which people edit, and `ledger.mo`, which is compiled from it and read at run time.

`python -m ledger.reports.locale` brings both in step with the sources, after a heading, a sentence or a code is new.
"""
