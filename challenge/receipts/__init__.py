"""Signed receipts: that a file was accepted, and what it scored."""
