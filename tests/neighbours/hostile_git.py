"""Git servers that do harm, and repositories that do."""

import contextlib
import http.server
import itertools
import os
import subprocess
import tempfile

from cluster import hack
from disturb import HOST
from local_server import LocalServer

SHA = "a" * 40


def packet(text):
    return f"{len(text) + 4:04x}{text}".encode()


class HostileGit(LocalServer):
    """A server on this machine. The repositories /refs (refs without end), /pack (a fetch without end) and /slow (a byte now and
    then) are all that it has. `asked` counts the requests. Ends with `with`."""

    def __init__(self):
        self.asked = 0
        super().__init__(HOST, self._handler())

    def url(self, repository):
        return f"http://{HOST}:{self.port}/{repository}"

    def _handler(self):
        git = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.begin("advertisement")
                with contextlib.suppress(OSError):
                    self.wfile.write(packet("# service=git-upload-pack\n") + b"0000")
                    if self.path.startswith("/slow"):
                        return self.drip()
                    first = f"{SHA} HEAD\0side-band-64k ofs-delta allow-reachable-sha1-in-want symref=HEAD:refs/heads/main agent=x\n"
                    self.wfile.write(packet(first) + packet(f"{SHA} refs/heads/main\n"))
                    if self.path.startswith("/refs"):
                        return self.endless(packet(f"{SHA} refs/heads/{'long' * 40}-{i}\n") * 300 for i in itertools.count())
                    self.wfile.write(b"0000")
                return None

            def do_POST(self):
                self.begin("result")
                with contextlib.suppress(OSError):
                    self.wfile.write(packet("NAK\n"))
                    self.endless(itertools.repeat(packet("\2" + "x" * 60000)))

            def begin(self, what):
                git.asked += 1
                self.send_response(200)
                self.send_header("Content-Type", f"application/x-git-upload-pack-{what}")
                self.end_headers()

            def endless(self, pieces):
                for piece in pieces:
                    if git.over.is_set():
                        return
                    self.wfile.write(piece)

            def drip(self):
                # Each byte is a part of a packet's length, so that the client goes on waiting for the rest.
                while not git.over.wait(2):
                    self.wfile.write(b"0")

            def log_message(self, *unused):
                pass

        return Handler


@contextlib.contextmanager
def repository(name, commits):
    """Serves one whose branches b0, b1, … are `commits`, each a list of (path, bytes); gives its URL. What stands in several
    commits is stored once, and nothing of it is ever a file."""
    with tempfile.TemporaryDirectory() as folder:
        bare = os.path.join(folder, "bare.git")
        subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=b0", bare], check=True)
        command = ["git", "-C", bare, "-c", "core.compression=1", "fast-import", "--quiet", "--depth=0"]
        importer = subprocess.Popen(command, stdin=subprocess.PIPE)
        marks = {}
        with importer, importer.stdin as out:
            for i, files in enumerate(commits):
                for _, content in files:
                    if content not in marks:
                        marks[content] = len(marks) + 1
                        out.write(f"blob\nmark :{marks[content]}\ndata {len(content)}\n".encode() + content + b"\n")
                out.write(f"commit refs/heads/b{i}\ncommitter x <x@localhost> {1700000000 + i} +0000\ndata 0\n".encode())
                for path, content in files:
                    out.write(f"M 100644 :{marks[content]} {path}\n".encode())
        assert importer.returncode == 0, "git fast-import failed"
        yield hack("repo", bare, name)
