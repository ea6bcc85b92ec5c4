"""Benchmarks: `make bench` prints Markdown tables; docs/benchmarks.md keeps what was measured and where."""
