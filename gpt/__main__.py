"""`python -m gpt …`: the command line. See `cli.py`."""

import os

# Read by OpenMP when torch is imported. By default its threads wait for each other in a busy loop:
# one busy neighbour on a small machine then makes training many times slower.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

from gpt.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
