"""`python -m app`: the commands of `app/cli.py`, where their packages are installed."""

from __future__ import annotations

import signal
import sys

# Until all is imported, which takes seconds, an interrupt ends the process without a word.
_interrupt = signal.getsignal(signal.SIGINT)
if _interrupt is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

HOW = """\
{python} (Python {version}) can't import {name}.
Run this with the environment of the service:

    make run                    sets it up in .venv and serves
    .venv/bin/python -m app …   any command, once it is set up"""


def main() -> None:
    """Run a command. Raises `SystemExit`, with words on how to run it if a package is missing."""
    try:
        from app.cli import cli
    except ImportError as error:
        if error.name is None or error.name.split(".")[0] == "app":
            raise
        version = ".".join(map(str, sys.version_info[:3]))
        how = HOW.format(python=sys.executable, version=version, name=error.name)
        raise SystemExit(how) from None
    if _interrupt is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    cli()


if __name__ == "__main__":
    main()
