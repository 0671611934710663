"""How a second process begins and ends. It is read before Django is set up there: it imports nothing that needs Django."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess
from threading import Thread

import django

from customers.core.collecting import collect_rarely


@contextmanager
def deaf_to_ctrl_c() -> Iterator[None]:
    """Let whatever is started meanwhile never hear Ctrl-C: it is for the one who started it. That one hears it afterwards."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def begin() -> None:
    """Set up this process, which ends when the one that started it is gone, killed perhaps: nobody waits for it any more."""
    if parent := parent_process():
        Thread(target=_end_with, args=(parent,), daemon=True).start()
    collect_rarely()
    django.setup()


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
