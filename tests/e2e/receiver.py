"""A receiver of events, which verifies them as docs/events.md says."""

import base64
import json
import secrets
import threading

from documented import blocks, text_of
from local_server import Answers


def new_key():
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


class Receiver:
    """Takes what verifies by one of `keys`, by the snippet of docs/events.md; answers with `status`, or 401."""

    def __init__(self, keys):
        page = {}
        exec(blocks(text_of("events.md"), "python")[0], page)  # pylint: disable=exec-used
        self.verified, self.keys, self.status, self.requests, self.lock = page["verified"], keys, 204, [], threading.Lock()

    def handler(self):
        receiver = self

        class Handler(Answers):
            def do_POST(self):  # pylint: disable=invalid-name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                known = receiver.verified(receiver.keys, self.headers, body)
                code = receiver.status if known else 401
                with receiver.lock:
                    receiver.requests.append((code, dict(self.headers.items()), body))
                self.answer(code, b"what a receiver says")

        return Handler

    def of(self, run):
        """The requests about this run: the code of the answer, the headers in lower case, the event."""
        with self.lock:
            found = [(code, {name.lower(): value for name, value in headers.items()}, json.loads(body)) for code, headers, body in self.requests]
        return [each for each in found if each[2]["subject"] == run]
