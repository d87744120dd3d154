"""As much of an API server as an operator or gateway needs to start, lead and write a status: objects by path, in memory. Watches stay open and
tell nothing."""

import http.server
import json
import re
import threading

from local_server import Answers

ENTITIES = r"(modelruns|modelprojects|modelsweeps|jobs|pods|leases|secrets|events)"


class Stub(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, objects):
        """`objects`: whole ones by path, such as /apis/batch/v1/namespaces/n/jobs/j."""
        super().__init__(("127.0.0.1", 0), Answer)
        self.objects, self.lock, self.version, self.ended = {}, threading.Lock(), 1, threading.Event()
        for path, each in objects.items():
            self.put(path, each)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def put(self, path, new):
        with self.lock:
            self.version += 1
            before = self.objects.get(path, {}).get("metadata", {})
            kept = {"uid": before.get("uid", f"00000000-0000-0000-0000-{self.version:012}"), "creationTimestamp": before.get("creationTimestamp", "2026-01-01T00:00:00Z")}
            self.objects[path] = {**new, "metadata": {"generation": 1, **new.get("metadata", {}), **kept, "resourceVersion": str(self.version)}}
            return self.objects[path]

    def list(self, path):
        """Those of a resource, in all namespaces."""
        group, plural = path.rsplit("/", 1)
        with self.lock:
            items = [each for at, each in self.objects.items() if re.fullmatch(rf"{re.escape(group)}/namespaces/[^/]+/{plural}/[^/]+", at)]
            return {"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": str(self.version)}, "items": items}

    def stop(self):
        self.ended.set()
        self.shutdown()
        self.server_close()


class Answer(Answers):
    protocol_version = "HTTP/1.1"

    def absent(self):
        self.answer(404, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "message": "not found", "code": 404})

    def body(self):
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path == "/version":
            self.answer(200, {"major": "1", "minor": "35"})
        elif "watch=" in query:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.flush()
            self.server.ended.wait(60)
            self.close_connection = True
        elif path in self.server.objects:
            self.answer(200, self.server.objects[path])
        elif re.fullmatch(rf"/apis?/.*/{ENTITIES}", path):
            self.answer(200, self.server.list(path))
        else:
            self.absent()

    def do_POST(self):
        new = self.body()
        self.answer(201, self.server.put(f"{self.path.partition('?')[0]}/{new.get('metadata', {}).get('name', 'unnamed')}", new))

    def do_PUT(self):
        path = self.path.partition("?")[0].removesuffix("/status")
        new = self.body()
        if path not in self.server.objects:
            self.absent()
            return
        self.answer(200, self.server.put(path, {**self.server.objects[path], **new}))

    def do_PATCH(self):
        self.body()
        self.absent()

    do_DELETE = do_PATCH
