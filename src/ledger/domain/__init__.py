"""The pure core: what may be recorded about units, plans and tasks, and what follows from it.

`decide(state, command) -> events` and `evolve(state, event) -> state`, over frozen values. Nothing here
reads a clock, makes an id, or knows a database.
"""
