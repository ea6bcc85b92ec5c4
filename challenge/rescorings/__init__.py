"""Scoring a phase again with another answer key, scorer or formula, and the decision to publish what came out."""
