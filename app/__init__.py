"""Structured Streams: typed LLM answers that arrive while they are being written."""

__version__ = "0.1.0"
