"""Fuzz one decoder, guided by what the code does with the bytes: `python -m scripts.fuzz NAME --seconds N`.

It needs the extra `fuzz` (atheris); the test suite does without it, see `tests/fuzz`. What it finds is written to the
working folder as `crash-…`; turn it into a seed in `tests/fuzz/decoders.py`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path


def main() -> int:
    """Fuzz for a while; the exit code is not 0 if a fault was found."""
    try:
        import atheris
    except ImportError:
        sys.stderr.write("atheris is missing. Install it: pip install 'zhanggui[fuzz]'\n")
        return 2
    with atheris.instrument_imports(include=["bot", "connectors"]):
        from tests.fuzz.decoders import DECODERS
    parser = argparse.ArgumentParser(description="Fuzz one decoder.")
    parser.add_argument("name", choices=sorted(DECODERS))
    parser.add_argument("--seconds", type=int, default=60)
    given = parser.parse_args()
    decoder = DECODERS[given.name]
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(decoder.seeds):
            Path(corpus, f"seed-{number}").write_bytes(seed)
        options = [sys.argv[0], f"-max_total_time={given.seconds}", "-max_len=4096", "-rss_limit_mb=4096", corpus]
        atheris.Setup(options, decoder.try_on)
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
