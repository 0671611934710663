"""Endpoints of strangers on loopback: one that is good, and one of each kind that is not."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from socket import SHUT_RDWR, create_server, socket
from threading import Event, Thread

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
SLOW_SECONDS = 9.5  # just within what a post may take


class Stranger:
    """
    A server that answers each post by a function of the connection, in a thread of its own.

    :param talk: called when the whole request was read
    """

    def __init__(self, talk: Callable[["Stranger", socket], None]) -> None:
        self.talk, self.closing = talk, Event()
        self.arrived: dict[str, float] = {}  # by the event's id, when it came first
        self.posts = 0
        self.listener = create_server(("127.0.0.1", 0), backlog=512)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/hook"

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                Thread(target=self.take, args=(connection,), daemon=True).start()

    def take(self, connection: socket) -> None:
        with suppress(OSError), connection:
            head = read(connection).lower()
            name = head.partition(b"webhook-id: ")[2].split(b"\r\n")[0].decode()
            self.posts += 1
            self.arrived.setdefault(name, time.time())
            self.talk(self, connection)


def read(connection: socket) -> bytes:
    """Return a request's head, when its body has come too."""
    got = b""
    while b"\r\n\r\n" not in got and (more := connection.recv(65_536)):
        got += more
    head, _, body = got.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
    while len(body) < length and (more := connection.recv(65_536)):
        body += more
    return head + b"\r\n"


def says(answer: bytes) -> Callable[[Stranger, socket], None]:
    return lambda _server, connection: connection.sendall(answer)


def hangs(server: Stranger, _connection: socket) -> None:
    server.closing.wait()


def drips(server: Stranger, connection: socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not server.closing.wait(0.2):
        connection.sendall(b"a")


def is_slow(server: Stranger, connection: socket) -> None:
    server.closing.wait(SLOW_SECONDS)
    connection.sendall(OK)


def closes(_server: Stranger, _connection: socket) -> None: ...


GOOD = says(OK)
HOSTILE: dict[str, Callable[[Stranger, socket], None]] = {
    "hangs": hangs,
    "drips a byte now and then": drips,
    "answers half": says(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "answers garbage": says(b"\x16\x03\x01 what?\r\n\r\n" * 20),
    "leads inside": says(b"HTTP/1.1 302 There\r\nLocation: http://169.254.169.254/latest\r\nContent-Length: 0\r\n\r\n"),
    "closes": closes,
    "takes 9.5 s for each": is_slow,
    "answers 500": says(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"),
}


@contextmanager
def serving(talks: dict[str, Callable[[Stranger, socket], None]]) -> Iterator[dict[str, Stranger]]:
    """Serve each talk on a port of its own."""
    with ExitStack() as stack:
        servers = {name: Stranger(talk) for name, talk in talks.items()}
        for server in servers.values():
            Thread(target=server.serve, daemon=True).start()
            stack.callback(server.listener.close)
            stack.callback(server.listener.shutdown, SHUT_RDWR)
            stack.callback(server.closing.set)
        yield servers
