"""Reads a file of its working directory again and again: once for each line of the input."""

import os
import sys

os.chdir(sys.argv[1])
for _ in sys.stdin:
    with open(sys.argv[2], encoding="utf-8") as file:
        print(file.read(), end="", flush=True)
