#!/usr/bin/env python3
"""Writes tests/fuzz/corpus/TARGET/: the inputs that the fuzz targets start from. Run it after a change; it is repeatable."""
import base64
import gzip
import hashlib
import io
import json
import pathlib
import shutil
import tarfile

CORPUS = pathlib.Path(__file__).parent / "corpus"


def b64(value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def packed(data):
    return gzip.compress(data, mtime=0)


def frame(**more):
    value = {
        "runUid": "6f1c", "attempt": 1,
        "exit": {"how": "Exited", "code": 0, "startedAt": "2026-01-02T03:04:05Z", "finishedAt": "2026-01-02T03:04:06.5Z"},
        "stdout": {"head": "hello\n", "tail": "", "totalBytes": 6},
        "stderr": {"head": "a", "tail": "é", "totalBytes": 70000},
        "outputs": {"b": [1, 2.5, None], "a": {"x": "y"}},
        "artifacts": [{"name": "plot.png", "size": 3, "sha256": "0" * 64, "mediaType": "image/png", "bytes": "YWJj"}],
        "warning": "left out", "rings": "process,seccomp,landlock"}
    return json.dumps(value | more).encode()


def log_of(document):
    text = base64.b64encode(packed(document)).decode()
    middle = len(text) // 2
    parts = [text[:middle], text[middle:]]
    lines = [f"MODELRUN-RESULT {i + 1}/2 {part}" for i, part in enumerate(parts)]
    end = f"MODELRUN-RESULT end {hashlib.sha256(document).hexdigest()} {len(document)} 2"
    return "\n".join(["noise", *lines, end, ""]).encode()


def frames():
    message = json.dumps({"complete": True, "frame": json.loads(frame(artifacts=[]))})
    text = b"year,total\n2026,42\n" * 100
    kept = {"name": "table.csv", "size": len(text), "sha256": hashlib.sha256(text).hexdigest(), "mediaType": "text/csv",
            "gzip": base64.b64encode(packed(text)).decode()}
    return [frame(), log_of(frame()), message.encode(), frame(outputs=None), frame(artifacts=[kept], artifactLoss="'b.csv' was not kept"),
            frame(exit={"how": "Signaled", "signal": 9, "oomKills": 1}, error={"reason": "OutOfMemory", "message": "x"})]


def points():
    row = {"point": 3, "phase": "Failed", "reason": "NonZeroExit", "message": "exit code 3", "exitCode": 3, "milliseconds": 12,
           "stderr": "no rate\n", "outputs": {"a": [1.50, None]}, "warning": "two files were not kept"}
    line = json.dumps(row)
    report = '{"from": 100, "last": true}\n' + line + "\n" + line
    given = '{"timeoutSeconds": 30, "failed": 1, "maxFailed": 5, "done": [[0, 3], [5, 5]]}\n{"a": 1}\n{"a": 2}'
    chunk = base64.b64encode(packed((line + "\n").encode())).decode()
    stored = json.dumps({"binaryData": {"000001-000100.jsonl.gz": chunk}})
    return [each.encode() for each in (line, report, given, '{"held": 7, "stored": 5}', stored)]


def archives():
    def tar(entries, form):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=form) as archive:
            for name, kind, value in entries:
                info = tarfile.TarInfo(name)
                info.type = kind
                if kind == tarfile.REGTYPE:
                    info.size = len(value)
                    archive.addfile(info, io.BytesIO(value))
                else:
                    info.linkname = value
                    archive.addfile(info)
        return out.getvalue().rstrip(b"\0") + bytes(1024)

    file, link, hard, folder = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE
    plain = [("model", folder, ""), ("model/run.py", file, b"print(1)\n"), ("now", link, "model/run.py")]
    hostile = [("out", link, "../.."), ("out/sentinel", file, b"changed")]
    return [tar(plain, tarfile.PAX_FORMAT), tar(hostile, tarfile.USTAR_FORMAT), packed(tar(plain, tarfile.GNU_FORMAT)),
            tar([("../sentinel", file, b"x")], tarfile.USTAR_FORMAT), tar([("/tmp/x", file, b"x")], tarfile.USTAR_FORMAT),
            tar([("a", file, b"x"), ("b", hard, "a")], tarfile.USTAR_FORMAT), tar([("p", tarfile.FIFOTYPE, "")], tarfile.USTAR_FORMAT),
            tar([("a/" + "n" * 150, file, b"x")], tarfile.PAX_FORMAT), tar([("a/" + "n" * 150, file, b"x")], tarfile.GNU_FORMAT)]


def outputs():
    def files(**contents):
        return b"\0".join(name.encode() + b"\n" + text.encode() for name, text in contents.items())

    result = json.dumps({"result": {"a": 1, "b": [{}]}, "models": {"m": {"x": 1.5}}})
    return [files(**{"forecast.json": '{"x": [1, 2]}', "plot.png": "png", ".modelrun/result.json": result}),
            files(**{".modelrun/models/m/k.json": '"v"', ".modelrun/models/m/l.json": "[]", "m.json": "1"}),
            files(**{".modelrun/error.json": '{"reason": "EntryPointNotFound", "message": "no\\u001b[1m file"}'}),
            files(**{"a.json": '{"a": 1, "a": 2}', "b.json": "1e999", "d/e/f.txt": "x", ".modelrun/other": "x"})]


def trees():
    def entry(mode, kind, digit, size, path):
        return f"{mode} {kind} {digit * 40} {size:>7}\t{path}\0".encode()

    tree = entry("040000", "tree", "a", "-", "model") + entry("100644", "blob", "b", 2, "model/run.py")
    tree += entry("100755", "blob", "c", 0, "model/tool") + entry("120000", "blob", "d", 3, "now")
    tree += entry("160000", "commit", "e", "-", "sub")
    blobs = b"".join(d * 40 + b" blob %d\n%s\n" % (len(v), v) for d, v in [(b"b", b"ab"), (b"c", b""), (b"d", b"abc")])
    listing = b"model/run.py\nmodel/tool\nnow/\tmodel\na/\tmodel\n"
    return [tree + b"\n\nmodel\n\n" + blobs, tree + b"\n\n../..\n\n" + listing,
            entry("120000", "blob", "d", 3, "a") + entry("120000", "blob", "d", 3, "b") + b"\n\nb\na\n\n" + listing,
            entry("100644", "blob", "b", 2, "../x"), entry("100644", "blob", "b", 2, ".GIT/config")]


def git_errors():
    def event(form, message):
        return json.dumps({"event": "error", "fmt": form, "msg": message}).encode()

    return [b"\x80fatal: repository not found\n\0" + event("remote error: %s", "remote error: not found"),
            b"\x80fatal: x s3cret-password\x1b[31m\n\0" +
            event("unable to access '%s': %s", "unable to access 'https://x': Could not resolve host: x"),
            b"\x01\0" + event("Server does not allow request for unadvertised object %s", "x") + b"\n" + b"{broken",
            b"\x80error: RPC failed; HTTP 401\n\0" + event("Authentication failed for '%s'", "x")]


def kubeconfigs():
    return [b"""apiVersion: v1
kind: Config
current-context: here
clusters:
- name: c
  cluster: {server: 'https://10.0.0.1:6443', insecure-skip-tls-verify: true, tls-server-name: kube}
contexts:
- name: here
  context: {cluster: c, user: u, namespace: team}
users:
- name: u
  user: {token: abc}
""", b"""{"current-context": "x", "clusters": [{"name": "c", "cluster": {"server": "http://[::1]:80/p",
"certificate-authority-data": "YWJj"}}], "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
"users": [{"name": "u", "user": {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "login",
"args": ["a"], "env": [{"name": "A", "value": "b"}], "interactiveMode": "Never", "provideClusterInfo": true}}}]}""",
            b"a: &a [1, *a]\nb: *a\n", b"clusters: [{name: c, cluster: {proxy-url: x}}]\ncurrent-context: !!str c\n"]


def kube_answers():
    meta = {"name": "r", "namespace": "team", "uid": "u", "resourceVersion": "7", "generation": 2}
    condition = {"type": "Ready", "status": "True", "reason": "Done", "message": "m", "lastTransitionTime": "2026-01-02T03:04:05Z"}
    run = {"metadata": meta, "spec": {"project": "p", "parameters": {"x": 1}, "timeoutSeconds": 60},
           "status": {"phase": "Succeeded", "runId": "i", "runNumber": 3, "exitCode": 0, "stdout": "o", "outputs": {"a": 1},
                      "startedAt": "2026-01-02T03:04:05Z", "conditions": [condition], "observedGeneration": 2,
                      "resultRef": {"configMaps": ["a"], "size": 3, "sha256": "x"}}}
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Invalid", "code": 422,
              "message": 'ModelRun.modelrun.dev "r" is invalid: spec.branch: Invalid value: "object": no such branch'}
    events = [{"type": "ADDED", "object": run}, {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}},
              {"type": "ERROR", "object": status | {"code": 410}}]
    review = {"status": {"authenticated": True, "audiences": ["a"], "user": {
        "username": "n", "uid": "u", "groups": ["g"], "extra": {"authentication.kubernetes.io/pod-name": ["p"]}}}}
    lists = {"kind": "ModelRunList", "metadata": {"resourceVersion": "9", "continue": "c"}, "items": [{"a": "]}\"\\"}, {"b": [1]}]}
    return ["".join(json.dumps(e) + "\n" for e in events).encode(), json.dumps(lists).encode(), json.dumps(status).encode(),
            json.dumps(review).encode(), base64.b64encode(packed(frame())), b'{"items":null}', b'{"items":[1]}']


def jwts():
    head = {"alg": "RS256", "kid": "k", "typ": "JWT"}
    claims = {"iss": "https://issuer.example", "aud": ["modelrun"], "sub": "me", "exp": 4e9, "groups": ["g"]}
    keys = {"keys": [{"kty": "RSA", "kid": "k", "use": "sig", "alg": "RS256", "e": "AQAB", "n": b64(b"\xc1" * 256)},
                     {"kty": "EC", "crv": "P-256", "kid": "e", "x": b64(b"\x01" * 32), "y": b64(b"\x02" * 32)}]}
    token = f"{b64(head)}.{b64(claims)}.{b64(b'x' * 256)}"
    token_ec = f"{b64(head | {'alg': 'ES256', 'kid': 'e'})}.{b64(claims)}.{b64(b'x' * 64)}"
    issuers = [{"issuer": "https://a.example", "audiences": ["m"], "userPrefix": "a:", "groupPrefix": "a:", "namespace": "t"},
               {"issuer": "b", "audiences": ["m"], "jwksURL": "https://b.example/k", "refreshSeconds": 60, "userPrefix": "b:",
                "groupPrefix": "b:", "namespace": "t", "userClaim": "email", "namespaceClaim": "ns"}]
    found = {"issuer": "https://issuer.example", "jwks_uri": "https://issuer.example/keys?x=1"}
    secret = {"type": "modelrun.dev/api-token", "metadata": {"name": "x"}, "data": {
        name: base64.b64encode(value).decode() for name, value in
        {"sha256": b"a" * 64, "subject": b"bot", "groups": b"g\nh", "namespace": b"team", "expires": b"2027-01-02T03:04:05Z"}.items()}}
    return [f"{t}\n{json.dumps(v)}".encode() for t, v in
            [(token, keys), (token_ec, keys), ("Bearer abc.def-_~+/==", issuers), ("x", found), ("x", secret)]]


def mcp():
    def call(head, method, params=None, **more):
        message = {"jsonrpc": "2.0", "id": 1, "method": method, **more}
        return ("\n".join(head) + "\n" + json.dumps(message | ({"params": params} if params else {}))).encode()

    version = "2026-07-28"
    meta = {"_meta": {"io.modelcontextprotocol/protocolVersion": version, "io.modelcontextprotocol/clientCapabilities": {},
                      "progressToken": "t", "modelrun.dev/idempotency-key": "k"}}
    old = ["2025-06-18", "", ""]
    return [call(["", "", ""], "initialize", {"protocolVersion": "2025-06-18", "capabilities": {}}),
            call(old, "tools/list"), call(old, "tools/call", {"name": "run", "arguments": {"project": "p", "mode": "sync"}}),
            call([version, "tools/call", "get_run"], "tools/call", meta | {"name": "get_run", "arguments": {"run_id": "a"}}),
            call([version, "server/discover", ""], "server/discover", meta),
            call([version, "resources/read", "=?base64?w6k=?="], "resources/read", meta | {"uri": "é"}),
            b'\n\n\n{"jsonrpc":"2.0","method":"notifications/initialized"}', b"\n\n\n[]", call(old, "prompts/get", {"name": "x"})]


def sweeps():
    """A space, base parameters, and the outputs of a point, with zero bytes between them."""
    spaces = [
        {"grid": [{"name": "growth", "values": [0.02, "high", None]}, {"name": "/m/rate", "from": 0.06, "to": 0.12, "count": 7}]},
        {"oneAtATime": [{"name": "a", "values": [1, 2]}, {"name": "/l/0", "from": 1, "to": -1e-300, "count": 3}]},
        {"points": [{"a": 1}, {"/a~1b/~0": [1], "b": {}}, {}]},
        {"sample": {"count": 5, "seed": 7, "method": "Random", "axes": [
            {"name": "n", "normal": {"mean": 0.05, "stddev": 0.01}}, {"name": "l", "lognormal": {"mu": 0, "sigma": 1}},
            {"name": "u", "uniform": {"low": 0.9, "high": 1.2}}, {"name": "t", "triangular": {"low": 1, "mode": 2, "high": 3}},
            {"name": "c", "choice": {"values": ["a", 1], "weights": [1, 0.5]}}]}},
        {"sample": {"count": 9, "axes": [{"name": "u", "uniform": {"low": -1e300, "high": 1e300}}]}}]
    base = b'{"m":{"rate":1.50},"l":[{"x":0},2],"a":"\\u00e9"}'
    outputs = [b'{"v":1.10,"ok":true,"d":{"e":[1,2.5,-3e-7],"/~":"=x"},"n":null}', b'{"v":1,"d":{"e":[1,2,3]}}', b"[]",
               b'{"format":"modelrun.dev/sweep-table/v1","parameters":["a"],"outputs":["v"]}\n'
               b'{"index":0,"parameters":{"a":1},"outputs":{"v":2.50},"phase":"Succeeded","durationSeconds":0.1,"run":"s-1"}\n', b"{}"]
    return [json.dumps(space).encode() + b"\0" + base + b"\0" + output for space, output in zip(spaces, outputs)]


def main():
    wire = {"url": "https://x/y", "credentials": {"username": "dQ==", "password": "cA=="}, "authorities": "", "commit": "a" * 40,
            "policy": {"allowHttp": False, "allowFile": False, "allowPrivateAddresses": True, "landlockOptional": False,
                       "maxTreeBytes": 1, "maxPackBytes": 2, "maxFileBytes": 3, "maxFiles": 4, "resolveMilliseconds": 5,
                       "fetchMilliseconds": 6}}
    answer = {"commit": "a" * 40, "branch": "main", "sha256": "b" * 64, "archiveBytes": 5, "listingBytes": 6}
    error = {"error": {"kind": "not found", "message": "no\u001b branch", "died": False}}
    uid = "0f8fad5b-d9cb-469f-a165-70867728950e"
    texts = ["caf\u00e9 \u2028 \u202e \U0001f600 end".encode(), b"\xff\xfe\0 \x1b[31m red\r\n\ttab", "e\u0301".encode() * 40]
    corpora = {
        "archive": archives(), "frame": frames(), "points": points(), "outputs": outputs(), "git_tree": trees(), "git_errors": git_errors(),
        "kubeconfig": kubeconfigs(), "kube_answers": kube_answers(), "jwt": jwts(), "mcp": mcp(), "sweep": sweeps(),
        "encoding": [b"YWJj", b"YQ==", b"_-8", packed(b"hello" * 9), packed(bytes(70000)), packed(b"a") + b"more"],
        "json": [b'{"b": [1, -0, 0.1, 1e3, 1.0, 123456789012345678], "a": "\\u00e9\\ud83d\\ude00\\n"}', b"[[[[]]]]", b'{"a":1,"a":2}',
                 b"1e999", b"[1e19, -1e20, 1e21, 5e-324]", b"-9223372036854775808", b'"\\ud800"', b"\xef\xbb\xbf{}", b'{"how": "Exited", "code": 3, "oomKills": 1}'],
        "text": [bytes([n]) + t for n, t in zip((10, 40, 200), texts)],
        "source_wire": [json.dumps(wire).encode(), json.dumps(answer).encode(), json.dumps(error).encode()],
        "source_names": [b"https://Git.Example:443/a/b.git", b"http://[::ffff:10.0.0.1]:8080/x", b"file:///srv/x", b"https://u:p@h/x",
                         b"https://2130706433/x", b"https://h/a/%2e%2e/b", b"feature/x", b"main.lock", b"a" * 40, b"64:ff9b::a00:1",
                         b"169.254.169.254", b"10.0.0.1\0.x", b"[::1]:80"],
        "traces": [b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", b"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03-more",
                   b'{"partialSuccess": {"rejectedSpans": "3", "errorMessage": "too\\u001bold"}}', b'{"code": 3, "message": "no\\nroom"}',
                   b"https://collector.example.com:4318/v1/traces", b"http://u:p@h", b"http://[::1]:1", b"api-key=a%20b%3D, x-scope = team-a ,",
                   b"a=%0d%0aX: y", b"Host=a", b"=,=,%"],
        "http_target": [b"/api/runs?limit=5&name=a%20b+c", b"/a%2Fb/%c3%a9", b"/%00", b"team/forecast", uid.encode(),
                        f"/v1/attempts/team/run-1/{uid}/1/result".encode(), b"/v1/attempts/team/run.1/u/1000000/source", b"0F8FAD5B"],
    }
    shutil.rmtree(CORPUS, ignore_errors=True)
    for target, inputs in corpora.items():
        folder = CORPUS / target
        folder.mkdir(parents=True)
        for number, data in enumerate(inputs):
            assert len(data) <= 4096, (target, number)
            (folder / f"{number:02}").write_bytes(data)


main()
