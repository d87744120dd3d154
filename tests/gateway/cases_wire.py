"""Bytes that no honest client sends, at a gateway of its own: each is refused or closed, and the next honest request is
answered, in the memory that there was."""

import re
import socket
import time

from gateway import SYNC, Gateway, in_background, wait_for
from harness import case, same

PATH = "/v1/runs?project_name=forecasts"
SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Wire:
    """A connection of bytes."""

    def __init__(self, gateway, patience=20):
        self.socket = socket.create_connection(("127.0.0.1", gateway.port), timeout=patience)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.socket.close()

    def send(self, data):
        """False once the other side has closed."""
        try:
            self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        except OSError:
            return False
        return True

    def answers(self):
        """The status codes of all that comes until the gateway closes, or says that it will."""
        data = b""
        try:
            while b"onnection: close" not in data and (piece := self.socket.recv(65536)):
                data += piece
        except ConnectionResetError:
            pass
        return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3})", data)]


def answers(gateway, data):
    with Wire(gateway) as wire:
        wire.send(data)
        return wire.answers()


def head(token, method="GET", path=PATH, *lines):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}", *lines, "", ""])


def post(token, *lines):
    return head(token, "POST", "/mcp", "Content-Type: application/json", *lines)


def alive(gateway, token):
    same(gateway.ask("GET", PATH, token)[0], 200)


@case
def malformed_requests_are_refused(space, _):
    token = space.token("editor")
    chunked = "Transfer-Encoding: chunked"
    body = '{"jsonrpc":"2.0","id":1,"method":"ping"}'
    whole = f"Content-Length: {len(body)}"
    with Gateway(space, "--rate", "1000", "--burst", "1000") as own:
        # The controls: a plain request, a chunked one, two in one go.
        same(answers(own, head(token, "GET", PATH, "Connection: close")), [200])
        same(answers(own, post(token, chunked, "Connection: close") + f"{len(body):x}\r\n{body}\r\n0\r\n\r\n"), [200])
        same(answers(own, head(token) + head(token, "GET", PATH, "Connection: close")), [200, 200])
        for what, data in (
            ("a length and chunks", post(token, "Content-Length: 5", chunked) + "0\r\n\r\n" + SMUGGLED),
            ("chunks and a length", post(token, chunked, "Content-Length: 5") + "0\r\n\r\n" + SMUGGLED),
            ("two lengths", post(token, whole, "Content-Length: 3") + body + SMUGGLED),
            ("one length twice over", post(token, f"{whole}, 3") + body + SMUGGLED),
            ("a length below zero", post(token, "Content-Length: -1") + SMUGGLED),
            ("a length with a sign", post(token, f"Content-Length: +{len(body)}") + body + SMUGGLED),
            ("a length in hex", post(token, "Content-Length: 0x10") + body + SMUGGLED),
            ("a length beyond numbers", post(token, "Content-Length: 99999999999999999999999") + SMUGGLED),
            ("chunks of no size", post(token, chunked) + f"\r\n{body}\r\n0\r\n\r\n" + SMUGGLED),
            ("chunks of a bad size", post(token, chunked) + f"zz\r\n{body}\r\n0\r\n\r\n" + SMUGGLED),
            ("chunks of a negative size", post(token, chunked) + f"-1\r\n{body}\r\n0\r\n\r\n" + SMUGGLED),
            ("chunks of a size beyond numbers", post(token, chunked) + f"fffffffffffffffff\r\n{body}\r\n0\r\n\r\n" + SMUGGLED),
            ("a chunk that is longer than its size", post(token, chunked) + f"3\r\n{body}\r\n0\r\n\r\n" + SMUGGLED),
            ("folded chunks and a length", post(token, "Content-Length: 5", "Transfer-Encoding:", " chunked") + "0\r\n\r\n" + SMUGGLED),
            ("a folded length", post(token, whole, "Content-Length:", " 3") + body + SMUGGLED),
            ("a space before the colon", head(token, "GET", PATH, "X-A : b") + SMUGGLED),
            ("a header without a name", head(token, "GET", PATH, ": b") + SMUGGLED),
            ("a header without a colon", head(token, "GET", PATH, "nothing") + SMUGGLED),
            ("a NUL in a header", head(token, "GET", PATH, "X-A: a\0b") + SMUGGLED),
            ("no version", f"GET {PATH}\r\nHost: localhost\r\n\r\n" + SMUGGLED),
            ("another version", f"GET {PATH} HTTP/3.0\r\nHost: localhost\r\n\r\n" + SMUGGLED),
            ("a path with a space", head(token, "GET", "/v1/runs /x") + SMUGGLED),
            ("a tunnel", head(token, "CONNECT", "evil.test:443") + SMUGGLED),
            ("line feeds only", f"GET {PATH} HTTP/1.1\nHost: localhost\nAuthorization: Bearer {token}\n\n" + SMUGGLED),
            ("two hosts", head(token, "GET", PATH, "Host: evil.test") + SMUGGLED),
            ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)),
            ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            ("noise", bytes(range(256)) * 40),
        ):
            codes = answers(own, data)
            # Refused once, and what followed was never taken for a request (that would be a 401 or 404).
            assert len(codes) <= 1 and not set(codes) - {400, 413, 431}, (what, codes)
        # The host of the target counts, and not the header's (RFC 9112, 3.2.2).
        same(answers(own, head(token, "GET", "http://evil.test/v1/runs", "Connection: close")), [403])
        # An unknown coding is no body that we can find the end of.
        for coding in ("gzip", "chunked, identity", "identity", "xchunked", "chunked, chunked", "gzip, chunked"):
            codes = answers(own, post(token, f"Transfer-Encoding: {coding}") + f"{len(body):x}\r\n{body}\r\n0\r\n\r\n" + SMUGGLED)
            same((coding, codes), (coding, [400]))
        alive(own, token)
        assert "/smuggled" not in own.text(), own.text()[-2000:]


@case
def large_requests_are_refused_at_once(space, _):
    token = space.token("editor")
    with Gateway(space) as own:
        alive(own, token)
        before = own.memory()
        begun = time.monotonic()
        for size in (1 << 30, (4 << 20) + 1, 1 << 62):
            same((size, answers(own, post(token, f"Content-Length: {size}"))), (size, [413]))
        body = '{"project_name":"forecasts"}'.ljust((1 << 20) + 1)
        rest = head(token, "POST", "/v1/runs", "Content-Type: application/json", f"Content-Length: {len(body)}")
        same(answers(own, rest), [413])
        # Of a message of MCP that is not far too large the id is found, at its end, so that no client waits for ever.
        call = {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "run", "arguments": {**SYNC, "parameters": {"text": "x" * (3 << 20)}}}, "id": 5}
        status, _, answer = own.ask("POST", "/mcp", token, call)
        same((status, answer["id"], answer["result"]["isError"]), (200, 5, True))
        # The largest that is taken.
        body = '{"jsonrpc":"2.0","id":1,"method":"ping"}'.ljust(1 << 20)
        same(answers(own, post(token, f"Content-Length: {1 << 20}", "Connection: close") + body), [200])
        same(answers(own, head(token, "GET", PATH, "X-A: " + "a" * 20000)), [431])
        same(answers(own, head(token, "GET", "/" + "a" * 20000)), [414])
        same(answers(own, head(token, "GET", PATH, *[f"X-{i}: b" for i in range(5000)])), [431])

        def endless():
            """Chunks for as long as they are taken, at most 200 MB."""
            with Wire(own) as wire:
                wire.send(post(token, "Transfer-Encoding: chunked"))
                piece, sent = b"10000\r\n" + b" " * 0x10000 + b"\r\n", 0
                while sent < 200 << 20 and wire.send(piece):
                    sent += len(piece)
                return sent, wire.answers()

        for call in [in_background(endless) for _ in range(8)]:
            sent, codes = call()
            assert sent < 50 << 20 and not set(codes) - {413, 503}, (sent, codes)
        same(endless()[1], [413])
        assert time.monotonic() - begun < 60, time.monotonic() - begun
        alive(own, token)
        assert own.memory() - before < 64 << 20, (before, own.memory())


@case(beside=True)
def slow_clients_hold_up_nobody(space, _):
    token = space.token("editor")
    with Gateway(space) as own:
        alive(own, token)
        before = own.memory()
        wires = [Wire(own, 60) for _ in range(300)]
        try:
            for i, wire in enumerate(wires):
                # Half a head; a head and half a body; half closed after a head's half.
                wire.send(head(token)[:-2] if i % 3 else post(token, "Content-Length: 100") + "{")
                if i % 3 == 1:
                    wire.socket.shutdown(socket.SHUT_WR)
            alive(own, token)
            # A byte now and then gets no more time than none.
            begun = time.monotonic()
            wire = wires[2]
            wait_for(lambda: not wire.send("X") or time.monotonic() - begun > 40, 30, "the slow one is closed")
            assert time.monotonic() - begun < 30, "a head may take ten seconds"
            assert own.memory() - before < 64 << 20, (before, own.memory())
            # Those with half a body are told so, or closed; none of them is left after its thirty seconds.
            for each in wires:
                codes = each.answers()
                assert not set(codes) - {400, 408}, codes
        finally:
            for each in wires:
                each.socket.close()
        alive(own, token)
