"""Little servers on loopback that answer as badly as strangers do."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import SHUT_RDWR, create_server, socket
from threading import Event, Thread

PEM = Path(__file__).with_name("hooks.test.pem")  # of hooks.test, and trusted by nobody
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Server:
    """
    A server whose talk is a function of a connection.

    :param talk: called in a thread per connection, after the whole request was read
    """

    def __init__(self, talk: Callable[["Server", socket], None], *, secure: bool = False) -> None:
        self.talk = talk
        self.requests: list[bytes] = []
        self.asked_by: dict[socket, bytes] = {}
        self.asked, self.closing = Event(), Event()
        self.listener = create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.trust = None
        if secure:
            self.trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.trust.load_cert_chain(PEM)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            Thread(target=self.take, args=(connection,), daemon=True).start()

    def take(self, connection: socket) -> None:
        with suppress(OSError), connection:
            secured = self.trust.wrap_socket(connection, server_side=True) if self.trust else connection
            with secured:
                request = self.asked_by[secured] = read_request(secured)
                self.requests.append(request)
                self.asked.set()
                self.talk(self, secured)


def read_request(connection: socket) -> bytes:
    """Return a request's head and body."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += connection.recv(65_536)
    head, _, body = got.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


@contextmanager
def serving(talk: Callable[[Server, socket], None], *, secure: bool = False) -> Iterator[Server]:
    server = Server(talk, secure=secure)
    thread = Thread(target=server.serve, daemon=True)
    thread.start()
    yield server
    server.closing.set()
    server.listener.shutdown(SHUT_RDWR)
    server.listener.close()
    thread.join()


def saying(answer: bytes) -> Callable[[Server, socket], None]:
    """Answer this, and close."""
    return lambda _server, connection: connection.sendall(answer)


def takes(server: Server, connection: socket) -> None:
    connection.sendall(OK)


def hangs(server: Server, connection: socket) -> None:
    server.closing.wait()


def closes(server: Server, connection: socket) -> None: ...


def trickles(server: Server, connection: socket) -> None:
    """Send a byte now and then, for ever: none of them late, and never an answer."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not server.closing.wait(0.01):
        connection.sendall(b"a")


def babbles(server: Server, connection: socket) -> None:
    """Answer with a success whose head never ends."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not server.closing.is_set():
        connection.sendall(b"X: " + b"a" * 1_000 + b"\r\n")


def continues(server: Server, connection: socket) -> None:
    while not server.closing.is_set():
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000)


def hints(server: Server, connection: socket) -> None:
    while not server.closing.is_set():
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1_000)


def pours(server: Server, connection: socket) -> None:
    """Answer with a success, and a gigabyte behind it."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
    for _ in range(1_000):
        connection.sendall(b"a" * 1_000_000)
