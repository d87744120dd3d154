"""Connections and requests without end to one HTTP server, as one address: a program of its own, which may run in another
network namespace.

Standard input: one line of JSON with
    address, port   of the server
    count           how many connections it keeps at a time
    request         what each sends, as text; RANDOM_TOKEN and RANDOM_ID in it are replaced anew in each request. "": nothing
    then            "hold": waits until the server closes, and opens another one; "answers": reads the answer and sends again;
                    "deaf": reads the head of the answer and nothing more
It ends at the end of standard input, and then prints one line of JSON: `opened`, how many connections were made; `refused`,
how many could not be made or ended without an answer; `statuses`, how often each status was answered; `most`, how many
connections were open together."""

import asyncio
import base64
import collections
import json
import os
import re
import resource
import sys
import uuid

_, HARD = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (HARD, HARD))
PAUSE = 0.1  # before a connection that was refused or closed is made again


class Flood:
    def __init__(self, order):
        self.order = order
        self.counts = collections.Counter()
        self.statuses = collections.Counter()
        self.open = 0

    def request(self):
        text = self.order["request"].replace("RANDOM_ID", str(uuid.uuid4()))
        return text.replace("RANDOM_TOKEN", base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")).encode()

    async def answer(self, reader, whole):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.statuses[head.split(" ")[1]] += 1
        length = re.search(r"(?i)\ncontent-length: *(\d+)", head)
        if whole and length:
            await reader.readexactly(int(length[1]))

    async def one_connection(self):
        # A small buffer: a deaf client takes little beyond the head.
        reader, writer = await asyncio.open_connection(self.order["address"], self.order["port"], limit=1 << 14)
        self.counts["opened"] += 1
        self.open += 1
        self.counts["most"] = max(self.counts["most"], self.open)
        try:
            writer.write(self.request())
            if self.order["then"] == "answers":
                while True:
                    await self.answer(reader, whole=True)
                    writer.write(self.request())
            if self.order["then"] == "deaf":
                await self.answer(reader, whole=False)
                await asyncio.Event().wait()
            while await reader.read(4096):
                pass
        finally:
            self.open -= 1
            writer.transport.abort()

    async def keep_one(self):
        while True:
            try:
                await self.one_connection()
            except (OSError, EOFError, asyncio.LimitOverrunError):
                self.counts["refused"] += 1
            await asyncio.sleep(PAUSE)

    async def run(self):
        tasks = [asyncio.ensure_future(self.keep_one()) for _ in range(self.order["count"])]
        await asyncio.to_thread(sys.stdin.readline)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        print(json.dumps({**{name: self.counts[name] for name in ("opened", "refused", "most")}, "statuses": self.statuses}))


asyncio.run(Flood(json.loads(sys.stdin.readline())).run())
