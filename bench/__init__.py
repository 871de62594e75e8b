"""The benchmark: `python -m bench --help`. Start reading at `__main__.py`."""
