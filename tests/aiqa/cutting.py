"""A bad line: a TCP proxy before a site that cuts connections when it is told to.

with cutting(site_url) as line:
    line.cut(up=20_000)      # the next connection ends after that many bytes from the client
    line.cut(down=1_000_000) # and the one after that, after that many bytes from the site
    aiqa("--url", line.url, ...)
"""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

UNLIMITED = 1 << 60


class Line:
    """Where the proxy listens; which connections it will cut, and how many it has."""

    def __init__(self, site: str) -> None:
        self.target = (urlsplit(site).hostname, urlsplit(site).port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.planned: list[tuple[int, int]] = []
        self.cuts = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def cut(self, *, up: int = UNLIMITED, down: int = UNLIMITED, connection: int = 0) -> None:
        """Cut a connection to come (0: the next one) after so many bytes in that direction."""
        self.planned += [(UNLIMITED, UNLIMITED)] * (connection + 1 - len(self.planned))
        self.planned[connection] = (up, down)

    def _listen(self) -> None:
        with contextlib.suppress(OSError):  # the listener is closed at the end
            while True:
                client, _ = self.listener.accept()
                up, down = self.planned.pop(0) if self.planned else (UNLIMITED, UNLIMITED)
                threading.Thread(target=self._serve, args=(client, up, down), daemon=True).start()

    def _serve(self, client: socket.socket, up: int, down: int) -> None:
        with client, socket.create_connection(self.target) as site:
            for end in (client, site):
                end.settimeout(60)
            back = threading.Thread(target=self._carry, args=(site, client, down), daemon=True)
            back.start()
            self._carry(client, site, up)
            back.join()

    def _carry(self, source: socket.socket, sink: socket.socket, left: int) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(min(4096, max(1, left))):
                if left <= 0:
                    break
                sink.sendall(chunk)
                left -= len(chunk)
            if left > 0:
                sink.shutdown(socket.SHUT_WR)
                return
        if left <= 0:
            self.cuts += 1
        for end in (source, sink):  # reset, as when a cable is pulled and the other end gives up
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def cutting(site: str) -> Iterator[Line]:
    """A line to the site, closed at the end."""
    line = Line(site)
    try:
        yield line
    finally:
        line.listener.close()
