"""An HTTP server of the test's own process, for parts that have to misbehave."""

import http.server
import json
import os
import ssl
import subprocess
import threading


class Answers(http.server.BaseHTTPRequestHandler):
    """A handler that says nothing of its requests, and the means to answer them."""

    def answer(self, code, body, kind="application/json"):
        """`body`: bytes, or what becomes JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that hangs up, as one does that does not trust the certificate, is no news."""


def server_tls(folder, *names):
    """An SSLContext with a new certificate for these, such as DNS:localhost or IP:127.0.0.1; it is `folder`/ca.crt, for clients to trust."""
    key, certificate = os.path.join(folder, "ca.key"), os.path.join(folder, "ca.crt")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=test",
                    "-addext", "subjectAltName=" + ",".join(names), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


class LocalServer:
    """Answers each request in a thread, by a BaseHTTPRequestHandler; with `tls`, an SSLContext, over HTTPS. Ends with `with`:
    `over` is set then, for handlers that wait."""

    def __init__(self, host, handler, tls=None):
        self.over = threading.Event()
        self.server = Server((host, 0), handler)
        if tls:
            # The handshake is for the thread of the connection: a client that is silent would hold up all others, and the end.
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server.server_port

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()
