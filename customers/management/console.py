"""The console of commands that tell what others wrote: names of products, stores, variants and programs."""

from typing import IO, Any, cast

from rich.console import Console


def plain_console(stdout: Any, width: int | None = None) -> Console:
    """
    Return a console on a command's output that writes each text as it is.

    Of a name such as "[/] rebate" markup would lose a part, or fail; what is to be marked says so by its style.

    :param stdout: the command's, also where `call_command` captures it
    """
    return Console(file=cast("IO[str]", stdout._out), width=width, markup=False, emoji=False)
