"""What the tests of store, projections, services and doors share."""
