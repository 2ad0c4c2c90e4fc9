"""Work in processes of its own, so that the memory shown is that of the work, and not of what was made for it."""

from __future__ import annotations

import multiprocessing
import re
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Spent:
    """What work took, of a process and of those that it started."""

    seconds: float
    processor: float
    """The processor's time, in seconds."""
    memory: int
    """The peak of the largest of them since it began, in KiB."""


def apart(work: Callable[Given, Result], *given: Given.args, **more: Given.kwargs) -> Result:
    """What the work returned, or raised; it was done by a process of its own, which is gone."""
    sys.stdout.flush()  # what that process prints comes after it
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *given, **more).result()


def spent(work: Callable[[], object]) -> Spent:
    """What the work took, of this process and of those that it has started and that have ended."""
    processor, start = _processor_seconds(), time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    return Spent(seconds, _processor_seconds() - processor, largest_memory())


def peak_memory() -> int:
    """The peak memory of this process in KiB, without that of the process which it was forked from."""
    return int(re.findall(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())[0])


def largest_memory() -> int:
    """The same of the largest: this process, or one that it or its children have started and that has ended.

    The system counts for a process at least the peak of the one that started it. So whoever wants the figure of
    workers must be small itself, and have no larger children.
    """
    return max(peak_memory(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


def _processor_seconds() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)
