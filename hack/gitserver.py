#!/usr/bin/env python3
"""Serves bare git repositories over smart HTTP by way of `git http-backend`.

    gitserver.py ROOT ADDRESS PORT

ROOT/NAME.git is served, read-only, at /NAME.git; if ROOT/NAME.auth exists it holds USER:PASSWORD that every request must
carry (basic auth). Both are looked up anew for each request. For demo and tests; standard library only."""

import base64
import hmac
import http.server
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

REQUEST_PATH = re.compile(r"/([A-Za-z0-9][A-Za-z0-9._-]*)\.git(/(?:info/refs|git-upload-pack|HEAD|objects/[0-9a-z/.-]+))")
MAX_BODY = 64 << 20


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    root = ""

    def do_GET(self):
        self.answer()

    do_POST = do_GET

    def answer(self):
        url = urllib.parse.urlsplit(self.path)
        match = REQUEST_PATH.fullmatch(url.path)
        # The body must be read whatever the answer, or a kept-alive connection would take it for the next request.
        with tempfile.TemporaryFile() as body:
            size = self.read_body(body)
            if size is None:
                return
            if not match or ".." in url.path or not os.path.isdir(self.repository(match[1])):
                self.refuse(404, "no such repository")
            elif not self.permitted(match[1]):
                self.refuse(401, "wrong or missing user and password", {"WWW-Authenticate": 'Basic realm="git"'})
            else:
                self.run_backend(match[1], match[2], url.query, body, size)

    def repository(self, name):
        return os.path.join(self.root, name + ".git")

    def permitted(self, name):
        try:
            with open(os.path.join(self.root, name + ".auth"), "rb") as file:
                wanted = file.read().strip()
        except FileNotFoundError:
            return True
        scheme, _, given = self.headers.get("Authorization", "").partition(" ")
        try:
            return scheme.lower() == "basic" and hmac.compare_digest(base64.b64decode(given), wanted)
        except ValueError:
            return False

    def read_body(self, body):
        """Copies the request's body; gives its size, or None when the request has been refused."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            chunks = self.chunks()
        else:
            chunks = [int(self.headers.get("Content-Length") or 0)]
        size = 0
        for length in chunks:
            size += length
            if size > MAX_BODY:
                self.close_connection = True
                self.refuse(413, "request too large")
                return None
            body.write(self.rfile.read(length))
        body.seek(0)
        return size

    def chunks(self):
        """Yields the length of each chunk; the caller reads that many bytes in between."""
        while length := int(self.rfile.readline(100).split(b";")[0], 16):
            yield length
            self.rfile.readline(100)
        while self.rfile.readline(1000).strip():
            pass

    def environment(self, name, path, query, size):
        environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "GIT_PROJECT_ROOT": self.root,
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            # Another user's repository may be served, and any commit in it asked for by its name.
            "GIT_CONFIG_COUNT": "3",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "GIT_CONFIG_KEY_1": "uploadpack.allowAnySHA1InWant",
            "GIT_CONFIG_VALUE_1": "true",
            "GIT_CONFIG_KEY_2": "uploadpack.allowFilter",
            "GIT_CONFIG_VALUE_2": "true",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": f"/{name}.git{path}",
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(size),
            "REMOTE_ADDR": self.client_address[0],
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        if encoding := self.headers.get("Content-Encoding"):
            environment["HTTP_CONTENT_ENCODING"] = encoding
        return environment

    def run_backend(self, name, path, query, body, size):
        backend = subprocess.Popen(
            ["git", "http-backend"], stdin=body, stdout=subprocess.PIPE, env=self.environment(name, path, query, size)
        )
        with backend, backend.stdout as out:
            status, headers = 200, []
            for line in iter(lambda: out.readline().rstrip(b"\r\n"), b""):
                key, _, value = line.decode("latin-1").partition(": ")
                if key.lower() == "status":
                    status = int(value.split()[0])
                else:
                    headers.append((key, value))
            self.send_response(status)
            for key, value in headers:
                self.send_header(key, value)
            # The length is not known before the end, and the end of the connection marks it.
            self.send_header("Connection", "close")
            self.end_headers()
            try:
                shutil.copyfileobj(out, self.wfile)
            except ConnectionError:
                backend.kill()

    def refuse(self, status, message, headers=None):
        text = (message + "\n").encode()
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    Handler.root = os.path.abspath(sys.argv[1])
    server = http.server.ThreadingHTTPServer((sys.argv[2], int(sys.argv[3])), Handler)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
