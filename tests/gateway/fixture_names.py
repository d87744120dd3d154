"""A relay between the conformance suite and the gateway that gives the gateway's tools the names that the suite calls.

The suite calls tools of its own (test_simple_text, ...), to look at results, errors and progress as they are on the wire.
The gateway's own tools have all of that; so a call of such a tool becomes a call of the gateway's that behaves like it. Every other
byte goes through as it is, in both directions.
"""

import json
import re
import socket
import threading

from gateway import SYNC

CALLS = {
    "test_simple_text": ("list_runs", {"project_name": "forecasts"}),
    "test_error_handling": ("get_run", {"run_id": "00000000"}),
    "test_tool_with_progress": ("run", SYNC),
    # Streams, and what must not be in them: requests of the server's own, and log messages that nobody asked for.
    "test_streaming_elicitation": ("run", SYNC),
    "test_logging_tool": ("list_runs", {"project_name": "forecasts"}),
}


def renamed(head, body):
    """The request as the gateway is to have it."""
    if not any(name.encode() in body for name in CALLS):
        return head, body
    message = json.loads(body)
    name, arguments = CALLS.get(message["params"]["name"], (message["params"]["name"], None))
    if arguments is None:
        return head, body
    message["params"].update(name=name, arguments=arguments)
    # Without a token a stream of the gateway's holds comments only, and the suite waits for messages.
    message["params"].setdefault("_meta", {}).setdefault("progressToken", "relay")
    body = json.dumps(message).encode()
    head = re.sub(rb"(?im)^(content-length:)[^\r\n]*", rb"\1 %d" % len(body), head)
    return re.sub(rb"(?im)^(mcp-name:)[^\r\n]*", rb"\1 %s" % name.encode(), head), body


class Relay:
    """Listens on a port of its own until the end of `with`; connections end with their clients."""

    def __init__(self, port):
        self.gateway = ("127.0.0.1", port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.called = set()  # the names that were exchanged

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *unused):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.gateway)
            threading.Thread(target=pipe, args=(server, client), daemon=True).start()
            threading.Thread(target=self.relay, args=(client, server), daemon=True).start()

    def relay(self, client, server):
        """Request by request. Bodies come with their length."""
        pending = b""
        try:
            while True:
                while b"\r\n\r\n" not in pending:
                    pending += received(client)
                head, pending = pending.split(b"\r\n\r\n", 1)
                length = int((re.search(rb"(?im)^content-length: *(\d+)", head) or [0, 0])[1])
                while len(pending) < length:
                    pending += received(client)
                body, pending = pending[:length], pending[length:]
                changed = renamed(head, body)
                if changed[1] != body:
                    self.called.add(json.loads(body)["params"]["name"])
                server.sendall(changed[0] + b"\r\n\r\n" + changed[1])
        except OSError:
            hang_up(client, server)


def received(source):
    data = source.recv(65536)
    if not data:
        raise ConnectionError("it has hung up")
    return data


def pipe(source, drain):
    try:
        while True:
            drain.sendall(received(source))
    except OSError:
        hang_up(source, drain)


def hang_up(*sockets):
    for each in sockets:
        try:
            each.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the other thread was here first
        each.close()
