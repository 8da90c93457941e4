"""``spotal demo`` as a protocol of the benchmark, with a summary and a page of its own."""

from __future__ import annotations

from spotal.bench.demo.run import Demo, DemoSettings, demo_protocol, run_demo

__all__ = ["Demo", "DemoSettings", "demo_protocol", "run_demo"]
