"""Fact sheets of the teams of a phase, their methods run again by the organisers, and the report of the challenge."""
