"""The organisers' desk: how a challenge is doing, every submission, grants to teams, evidence of collusion."""
