"""llama.cpp's own server with a model file, on the CPU: `python deploy/llama_server.py MODEL.gguf`.

The first line of stdout is its address, on a free port of this machine, once the model is loaded.
It serves until its stdin ends, so it can't outlive the process that holds the other end.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys

import xllamacpp

PARALLEL = 2
"""Answers at once. Further requests wait."""


def parameters(options: argparse.Namespace) -> xllamacpp.CommonParams:
    found = xllamacpp.CommonParams()
    found.model.path = options.model
    found.hostnames, found.port = ["127.0.0.1"], 0
    found.n_parallel, found.n_ctx = PARALLEL, PARALLEL * options.context
    # On a busy machine a second thread makes it slower: the two wait for each other, spinning.
    found.cpuparams.n_threads = found.cpuparams_batch.n_threads = 1
    found.sampling.seed, found.sampling.temp = options.seed, options.temperature
    found.sampling.penalty_repeat = options.repeat_penalty
    found.sampling.penalty_last_n = 128
    found.cache_ram_mib = 0  # it would keep up to 8 GiB of old prompts
    found.endpoint_slots = True
    found.verbosity = 1  # errors only
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve a GGUF model until stdin ends.")
    parser.add_argument("model", help="a GGUF file")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same answer")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--repeat-penalty", type=float, default=1.0, help="1.0 is none")
    parser.add_argument("--context", type=int, default=8192, help="tokens of a question and answer")
    server = xllamacpp.Server(parameters(parser.parse_args()))
    # Ctrl-C goes to all processes of a terminal. The one that asks the model ends first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print(server.listening_address, flush=True)
    sys.stdin.read()
    os._exit(0)  # it would first wait, up to half a minute, for those that still read an answer


if __name__ == "__main__":
    main()
