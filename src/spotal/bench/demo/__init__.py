"""``spotal demo``: a protocol of the benchmark with its own summary and page."""

from __future__ import annotations

from spotal.bench.demo.run import Demo, DemoSettings, demo_protocol, run_demo

__all__ = ["Demo", "DemoSettings", "demo_protocol", "run_demo"]
