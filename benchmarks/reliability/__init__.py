"""Reliability: kill loop, load test, mutation fuzz and full-disk sweep; see docs/reliability.md."""
