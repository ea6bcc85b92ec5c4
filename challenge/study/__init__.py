"""The subjective study: people rate images one by one; from their ratings come the opinion scores."""
