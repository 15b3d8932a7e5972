"""Makes numbered files, directories, links and renames in the working directory until it is killed.

Prints one line when it starts; argv[1] is a mark by which its processes are found.
"""

import os
import sys

if os.fork() == 0:
    os.setsid()  # a second one, in a session of its own
    kind = "b"
else:
    kind = "a"
os.mkdir(kind)
print("started", flush=True)
number = 0
while True:
    name = f"{kind}/{number}"
    os.close(os.open(f"{name}.file", os.O_CREAT | os.O_WRONLY, 0o600))
    os.mkdir(f"{name}.dir")
    os.symlink("nowhere", f"{name}.link")
    os.close(os.open(f"{name}.old", os.O_CREAT | os.O_WRONLY, 0o600))
    os.rename(f"{name}.old", f"{name}.new")
    number += 1
