"""What users of other platforms complain of, as tests: docs/complaints.md says which answers what."""
