"""What stands in for Azure on a laptop; never deployed, imported by nothing that is."""
