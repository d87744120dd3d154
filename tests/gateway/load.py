"""Many clients at once on one thread: plain sockets, so that a thousand calls that wait cost the test nothing."""

import asyncio
import contextlib
import json
import resource

# A thousand sockets hardly fit into the 1024 descriptors that many shells allow.
_, HARD = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (HARD, HARD))

# For a gateway of the case's own.
UNLIMITED = (
    *("--rate", "100000", "--burst", "100000"),
    *("--max-waiting-per-caller", "2000", "--max-connections-per-peer", "2000"),
)


class Call:
    """One POST /v1/runs whose answer is read when it comes."""

    def __init__(self, gateway, token, body, **headers):
        self.gateway, self.token, self.body = gateway, token, body
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.reader = self.writer = None

    async def send(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.gateway.port, limit=1 << 22)
        data = json.dumps(self.body).encode()
        lines = [
            "POST /v1/runs HTTP/1.1",
            "Host: localhost",
            f"Authorization: Bearer {self.token}",
            "Content-Type: application/json",
            f"Content-Length: {len(data)}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + data)
        await self.writer.drain()

    async def answer(self):
        """(status, JSON); status 0: the connection ended without an answer."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            length = next(int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length:"))
            return int(head.split(" ")[1]), json.loads(await self.reader.readexactly(length))
        return 0, None

    async def first_event(self):
        """Of a call with `Accept: text/event-stream`: the data of its first event."""
        await self.reader.readuntil(b"\r\n\r\n")
        await self.reader.readuntil(b"data: ")
        return json.loads(await self.reader.readuntil(b"\n"))

    def leave(self):
        if self.writer:
            self.writer.transport.abort()


async def send_all(calls, at_once=64):
    """Opens and sends them, not more than `at_once` connections being made at a time."""
    gate = asyncio.Semaphore(at_once)

    async def one(call):
        async with gate:
            await call.send()

    await asyncio.gather(*(one(call) for call in calls))
