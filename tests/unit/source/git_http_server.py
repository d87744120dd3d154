"""A smart HTTP git server for tests: git http-backend behind a threaded server that can also misbehave.

Usage: git_http_server.py ROOT LOG [CERT KEY]. Prints its port, then serves until standard input ends. LOG gets a line a request:
"METHOD PATH AUTHORIZATION". The first part of a path says how it is served:
  /plain/REPO    as it is            /basic/REPO   user:p4ss only        /bearer/REPO  token t0ken only
  /dumb/REPO     as static files, for git's dumb protocol (needs git update-server-info)
  /v0/REPO       protocol 0          /redirect/HOST/REPO  302 there      /status/CODE/REPO  that status
  /hang/REPO     reads, never answers   /garbage/REPO  an advertisement that is none   /cut/REPO  the pack breaks off
  /err/HEX       the protocol's error with that text    /endless/  refs without an end
"""
import base64
import http.server
import os
import ssl
import subprocess
import sys
import threading

ROOT, LOG = sys.argv[1], sys.argv[2]
LOCK = threading.Lock()
DONE = threading.Event()
BASIC = "Basic " + base64.b64encode(b"user:p4ss").decode()


ADVERTISED = [("Content-Type", "application/x-git-upload-pack-advertisement")]
ADVERTISEMENT = b"001e# service=git-upload-pack\n0000"


def packet(content):
    return b"%04x" % (len(content) + 4) + content


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.handle_any(b"")

    def do_POST(self):
        self.handle_any(self.read_body())

    def read_body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self):
        try:
            super().handle()
        except ConnectionError:  # git was ended
            pass

    def handle_any(self, body):
        authorization = self.headers.get("Authorization", "-")
        with LOCK, open(LOG, "a") as log:
            log.write(f"{self.command} {self.path} {authorization}\n")
        mode, _, rest = self.path[1:].partition("/")
        if mode == "hang":
            DONE.wait()
            return
        if mode == "redirect":
            host, _, rest = rest.partition("/")
            self.answer(302, headers=[("Location", f"http://{host}/plain/{rest}")])
        elif mode == "status":
            code, _, rest = rest.partition("/")
            self.answer(int(code))
        elif mode == "basic" and authorization != BASIC:
            self.answer(401, headers=[("WWW-Authenticate", 'Basic realm="x"')])
        elif mode == "bearer" and authorization != "Bearer t0ken":
            self.answer(401, headers=[("WWW-Authenticate", "Bearer")])
        elif mode == "dumb":
            self.serve_file(rest.partition("?")[0])
        elif mode == "garbage":
            self.answer(200, ADVERTISEMENT + b"zzzz" + b"\x00" * 64, ADVERTISED)
        elif mode == "err":
            self.answer(200, ADVERTISEMENT + packet(b"ERR " + bytes.fromhex(rest.split("/")[0])), ADVERTISED)
        elif mode == "endless":
            self.send_response(200)
            self.send_header(*ADVERTISED[0])
            self.end_headers()
            refs = b"".join(packet(b"a" * 40 + b" refs/heads/" + b"%064d" % i * 100 + b"\n") for i in range(100))
            self.wfile.write(ADVERTISEMENT)
            while not DONE.is_set():
                self.wfile.write(refs)
        else:
            self.serve_git(mode, "/" + rest, body)

    def serve_file(self, path):
        try:
            with open(os.path.join(ROOT, path), "rb") as file:
                self.answer(200, file.read(), [("Content-Type", "text/plain")])
        except OSError:
            self.answer(404)

    def serve_git(self, mode, rest, body):
        path, _, query = rest.partition("?")
        environment = {
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": ROOT, "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
            "QUERY_STRING": query, "REQUEST_METHOD": self.command, "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""), "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
        }
        if mode != "v0":
            environment["GIT_PROTOCOL"] = self.headers.get("Git-Protocol", "")
        output = subprocess.run(["git", "http-backend"], input=body, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                env=environment, check=False).stdout
        head, _, content = output.partition(b"\r\n\r\n")
        headers = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
        status = next((int(value.split()[0]) for name, value in headers if name == "Status"), 200)
        if mode == "cut" and b"packfile" in content:
            content = content[: len(content) // 2]
        self.answer(status, content, [(n, v) for n, v in headers if n not in ("Status", "Content-Length")])


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


server = Server(("127.0.0.1", 0), Handler)
if len(sys.argv) > 4:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
DONE.set()
