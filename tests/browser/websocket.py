"""The client side of a WebSocket (RFC 6455) on the loopback: text messages of any length."""

import base64
import os
import socket
import struct

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA


class WebSocket:
    """A connection to ws://127.0.0.1:port/path."""

    def __init__(self, port: int, path: str, timeout: float = 60) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout)
        self._buffer = b""
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self._buffer:
            self._receive()
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise ConnectionError(head.decode(errors="replace"))

    def _receive(self) -> None:
        found = self._socket.recv(1 << 16)
        if not found:
            raise ConnectionError("the browser has closed the connection")
        self._buffer += found

    def _take(self, number: int) -> bytes:
        while len(self._buffer) < number:
            self._receive()
        taken, self._buffer = self._buffer[:number], self._buffer[number:]
        return taken

    def _send_frame(self, kind: int, payload: bytes) -> None:
        length = len(payload)
        if length < 126:
            size = struct.pack("!B", 0x80 | length)
        elif length < 1 << 16:
            size = struct.pack("!BH", 0x80 | 126, length)
        else:
            size = struct.pack("!BQ", 0x80 | 127, length)
        # What a client sends is masked; a mask of zeros leaves it as it is.
        self._socket.sendall(bytes([0x80 | kind]) + size + bytes(4) + payload)

    def send(self, text: str) -> None:
        """Sends one message."""
        self._send_frame(TEXT, text.encode())

    def receive(self) -> str:
        """Waits for the next message.

        Raises:
            TimeoutError: none came in time.
            ConnectionError: the other side has closed.
        """
        message = b""
        while True:
            first, second = self._take(2)
            length = second & 0x7F
            if length >= 126:
                length = int.from_bytes(self._take(2 if length == 126 else 8), "big")
            payload = self._take(length)
            kind = first & 0x0F
            if kind == CLOSE:
                raise ConnectionError("the browser has closed the connection")
            if kind == PING:
                self._send_frame(PONG, payload)
            if kind in (PING, PONG):
                continue
            message += payload
            if first & 0x80:
                return message.decode()

    def close(self) -> None:
        """Closes the connection."""
        self._socket.close()
