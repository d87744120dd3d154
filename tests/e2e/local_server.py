"""An HTTP server of the test's own process, for parts that have to misbehave."""

import http.server
import threading


class LocalServer:
    """Answers each request in a thread, by a BaseHTTPRequestHandler; with `tls`, an SSLContext, over HTTPS. Ends with `with`:
    `over` is set then, for handlers that wait."""

    def __init__(self, host, handler, tls=None):
        self.over = threading.Event()
        self.server = http.server.ThreadingHTTPServer((host, 0), handler)
        self.server.daemon_threads = True
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
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
