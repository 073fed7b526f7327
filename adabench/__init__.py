"""adabench: a benchmark for video-based Automatic Depression Assessment."""

__version__ = "0.1.0"
