"""Programs in processes of their own, killed at any moment."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable


def killed(program: str, *arguments: str, after: float | Callable[[], bool]) -> bool:
    """The program is killed (SIGKILL) so many seconds after it says that it begins, or when something holds.

    The program prints a line when it is about to begin. Returns False when it was done before that.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if line:
        if callable(after):
            while process.poll() is None and not after():
                time.sleep(0.001)
        else:
            time.sleep(after)
    process.kill()
    _, errors = process.communicate()
    assert line, errors
    assert process.returncode in (0, -9), errors
    return process.returncode != 0
