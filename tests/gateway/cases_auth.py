"""Who gets in: attacks on the gateway's authentication, each beside the same request with the right token."""

import base64
import contextlib
import datetime
import hashlib
import json
import os
import subprocess
import tempfile
import time

from cluster import RUNS, SECRETS
from gateway import ASYNC, AUDIENCE, Gateway, binary, in_background, wait_for
from harness import case, same
from idp import Idp, Key, b64, by_secret

RUNS_PATH = "/v1/runs?project_name=forecasts"
SLOW = {**ASYNC, "scope": "model", "model_name": "slow"}
USER = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io"}


@contextlib.contextmanager
def issuers_file(*entries):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(entries, file)
        file.flush()
        yield file.name


@contextlib.contextmanager
def login(space, *flags, **config):
    """(provider, gateway); ana may run models, others may nothing."""
    with Idp() as idp, issuers_file(idp.config(space.name, **config)) as path:
        with contextlib.suppress(Exception):  # another case has made it
            space.bind("login-ana", "modelrun-editor", {**USER, "name": "login:ana"})
        with Gateway(space, "--jwt-issuers", path, *flags) as gateway:
            yield idp, gateway


def status_of(gateway, token, method="GET", path=RUNS_PATH, body=None, **headers):
    """Of the answer; waits while the gateway is slowing down those who guess."""

    def answered():
        status = gateway.ask(method, path, token, body, **headers)[0]
        return status if status != 429 else None

    return wait_for(answered, 20, "another answer than 429")


def no_fewer_rights(gateway, token):
    """The right of a moment ago may not have been seen yet."""
    wait_for(lambda: status_of(gateway, token) == 200, 20, "the good token is accepted")


@case
def login_with_discovered_keys(space, gateway):
    with login(space, namespaceClaim="ns", userClaim="email") as (idp, own):
        space.bind("mail", "modelrun-editor", {**USER, "name": "login:ana@models.test"})
        space.bind("group", "modelrun-viewer", {**USER, "kind": "Group", "name": "login:analysts"})
        for key in idp.keys:
            no_fewer_rights(own, idp.token(key, email="ana@models.test"))
        same([idp.asked, idp.fetches()], [["/tenant/.well-known/openid-configuration", "/keys"], 1])
        several = idp.token(email="ben@models.test", aud=["https://other.test", idp.claims()["aud"]], groups=["analysts"], ns=space.name)
        no_fewer_rights(own, several)
        same(status_of(own, several, "POST", "/v1/runs", ASYNC), 403)
        elsewhere = idp.token(email="ana@models.test", ns="kube-system")
        same(status_of(own, elsewhere), 404)
        same(status_of(own, elsewhere, path=f"/v1/runs?project_name={space.name}/forecasts"), 200)
        same(status_of(own, idp.token()), 401)  # without the claim that makes the name
        _, _, run = own.ask("POST", "/v1/runs", idp.token(email="ana@models.test"), ASYNC)
        made = [each for each in space.items(RUNS) if each["metadata"]["uid"] == run["run_id"]]
        same(made[0]["metadata"]["annotations"]["modelrun.dev/requested-by"], "login:ana@models.test")
        metadata = own.ask("GET", "/.well-known/oauth-protected-resource/mcp")[2]
        same((metadata["authorization_servers"], metadata["resource"]), ([idp.issuer], own.url + "/mcp"))
        # What this gateway takes, one without the issuer does not.
        same(status_of(gateway, idp.token(email="ana@models.test")), 401)


def forgeries(idp):
    """(what is wrong, token): each is the good one with one thing changed."""
    key, other = idp.keys[0], Key(idp.keys[0].kid)
    good, head = idp.token(), {"typ": "JWT", "alg": "RS256", "kid": key.kid}
    first, claims, signature = good.split(".")
    now = int(time.time())
    for alg in ("none", "None", "NONE", "nOnE", ""):
        yield f"alg {alg!r}", f"{b64({**head, 'alg': alg})}.{claims}."
        yield f"alg {alg!r} with the old signature", f"{b64({**head, 'alg': alg})}.{claims}.{signature}"
    yield "no alg", key.sign({"kid": key.kid}, idp.claims())
    yield "no signature", f"{first}.{claims}."
    yield "two parts", f"{first}.{claims}"
    yield "four parts", good + ".x"
    yield "five parts", f"{good}.x.x"
    yield "another signature", f"{first}.{claims}.{b64(bytes(256))}"
    yield "other claims", f"{first}.{b64(idp.claims(sub='ben'))}.{signature}"
    yield "padded", f"{first}.{claims}=.{signature}"
    for secret in (key.public_pem(), key.public_pem().strip(), json.dumps(key.jwk()).encode(), key.jwk()["n"].encode(), b"", b"secret"):
        yield "HS256 by a public value", by_secret({**head, "alg": "HS256"}, idp.claims(), secret)
        yield "RS256 in name only", by_secret(head, idp.claims(), secret)
    for alg in ("RS512", "PS256"):
        yield alg, key.sign({**head, "alg": alg}, idp.claims())
    yield "RS256 by the key for ES256", key.sign({**head, "kid": "e1"}, idp.claims())
    yield "ES256 by the key for RS256", idp.keys[1].sign({**head, "alg": "ES256"}, idp.claims())
    yield "signed by nobody's key", other.sign(head, idp.claims())
    yield "with a key of its own", other.sign({**head, "jwk": other.jwk()}, idp.claims())
    for name in ("jku", "x5u"):
        yield name, other.sign({**head, name: idp.issuer.replace("/tenant/", "/evil")}, idp.claims())
    yield "with a certificate of its own", other.sign({**head, "x5c": [base64.b64encode(b"x").decode()]}, idp.claims())
    for kid in ("unknown", "../../../../dev/null", "' OR 1=1 --", "", "a" * 3000, ["r1"], 5, None, {"r1": 1}):
        yield f"kid {str(kid)[:30]!r}", key.sign({**head, "kid": kid}, idp.claims())
    yield "crit", key.sign({**head, "crit": ["exp"]}, idp.claims())
    yield "crit of nothing", key.sign({**head, "crit": []}, idp.claims())
    yield "unencoded payload", key.sign({**head, "crit": ["b64"], "b64": False}, idp.claims())
    doubled = json.dumps(idp.claims())[:-1] + ', "sub": "ana"}'
    yield "a claim twice", key.sign(head, doubled)
    yield "an audience twice", key.sign(head, '{"aud": "https://evil.test", ' + json.dumps(idp.claims())[1:])
    yield "a header's member twice", key.sign('{"alg": "none", ' + json.dumps(head)[1:], idp.claims())
    for what, changed in (
        ("another audience", {"aud": "https://other.test"}),
        ("other audiences", {"aud": ["https://other.test", "x"]}),
        ("the audience and a slash", {"aud": idp.claims()["aud"] + "/"}),
        ("no audience", {"aud": None}),
        ("no audiences", {"aud": []}),
        ("the cluster's audience", {"aud": AUDIENCE}),
        ("another issuer", {"iss": "https://evil.test/"}),
        ("the issuer without its slash", {"iss": idp.issuer[:-1]}),
        ("the issuer in a list", {"iss": [idp.issuer]}),
        ("no issuer", {"iss": None}),
        ("the cluster's issuer", {"iss": "https://kubernetes.default.svc.cluster.local"}),
        ("expired", {"exp": now - 40}),
        ("without an end", {"exp": None}),
        ("an end in words", {"exp": str(now + 600)}),
        ("an end that is no date", {"exp": 1e300}),
        ("an end in the list", {"exp": [now + 600]}),
        ("not yet", {"nbf": now + 600}),
        ("a beginning in words", {"nbf": "0"}),
        ("nobody", {"sub": None}),
        ("an empty name", {"sub": ""}),
        ("a name that is none", {"sub": {"x": 1}}),
    ):
        yield what, idp.token(**changed)


@case
def forged_logins_are_refused(space, _):
    with login(space) as (idp, own):
        no_fewer_rights(own, idp.token())
        tried = 0
        for what, token in forgeries(idp):
            same((what, status_of(own, token)), (what, 401))
            tried += 1
        assert tried > 60, tried
        assert not [path for path in idp.asked if "evil" in path], idp.asked
        for good in (idp.token(), idp.token(nbf=int(time.time()) + 10), idp.token(exp=int(time.time()) - 10)):
            same(status_of(own, good), 200)


@case
def names_of_the_clusters_own_are_nobodys(space, _):
    with login(space) as (idp, own):
        no_fewer_rights(own, idp.token())
        for claims in (
            {"sub": "system:admin", "groups": ["system:masters"]},
            {"sub": "kubernetes-admin", "groups": ["system:masters", "kubeadm:cluster-admins"]},
            {"sub": f"system:serviceaccount:{space.name}:editor", "groups": ["system:serviceaccounts"]},
            {"sub": "ANA"},
            {"sub": "ana "},
            {"sub": "ana\u0000"},
            {"sub": "\nlogin:ana"},
        ):
            same((claims, status_of(own, idp.token(**claims))), (claims, 404))
            same(status_of(own, idp.token(**claims), path="/v1/runs?project_name=kube-system/forecasts"), 404)


@case
def issuers_do_not_speak_for_each_other(space, _):
    with Idp() as one, Idp() as two:
        with issuers_file(one.config(space.name), two.config(space.name, "partner:")) as path:
            with contextlib.suppress(Exception):
                space.bind("login-ana", "modelrun-editor", {**USER, "name": "login:ana"})
            with Gateway(space, "--jwt-issuers", path) as own:
                no_fewer_rights(own, one.token())
                same(status_of(own, two.token()), 404)  # known, but somebody else
                same(status_of(own, two.token(sub="login:ana")), 404)
                # Signed by the one in the name of the other, also with the other's key's name.
                same(status_of(own, two.token(iss=one.issuer)), 401)
                same(status_of(own, one.token(iss=two.issuer)), 401)
                same(status_of(own, one.token()), 200)
        for prefix in ("login:", "login:x:", "login", "system:", "sys", "modelrun-token:", ""):
            with issuers_file(one.config(space.name), two.config(space.name, prefix)) as path:
                command = [binary("modelrun-gateway"), "--jwt-issuers", path, "--kubeconfig", "/nowhere"]
                done = subprocess.run(command, check=False, capture_output=True, text=True)
                same((prefix, done.returncode), (prefix, 2))
                assert two.issuer in done.stderr and "refix" in done.stderr, done.stderr


@case(beside=True)
def provider_out_of_order(space, _):
    with login(space, refreshSeconds=1) as (idp, own):
        token = idp.token()
        for mode in ("500", "garbage", "huge", "redirect", "other-issuer", "plain-http", "drip", "hang"):
            idp.mode, before = mode, len(idp.asked)
            wait_for(lambda: status_of(own, token) == 503 and len(idp.asked) > before, 20, f"asked while {mode}")
            assert mode != "huge" or own.memory() < 100 << 20, own.memory()
        idp.mode = "ok"
        no_fewer_rights(own, token)
        for mode in ("500", "garbage", "other-issuer", "hang"):
            idp.mode, before = mode, len(idp.asked)
            # The keys that are there stay good, and one request that finds out is enough.
            wait_for(lambda: status_of(own, token) == 200 and len(idp.asked) > before, 20, f"asked while {mode}")
            begun = time.monotonic()
            calls = [in_background(status_of, own, token) for _ in range(10)]
            same([call() for call in calls], [200] * 10)
            # One of them may have waited for the provider; all of them one after the other have not.
            assert time.monotonic() - begun < 12, time.monotonic() - begun
        assert "/elsewhere" not in idp.asked, idp.asked
        text = own.text()
        for words in ("HTTP status 500", "more than 1048576 bytes", "is not of " + idp.issuer, "no https URL", "no whole answer within"):
            assert words in text, f"{words}: {text[-3000:]}"


@case
def provider_of_an_unknown_authority(space, _):
    with Idp() as stranger, login(space, caFile=stranger.ca_file) as (idp, own):
        same(status_of(own, idp.token()), 503)
        same(idp.asked, [])
    with login(space) as (idp, own):
        no_fewer_rights(own, idp.token())


@case
def keys_rotate(space, _):
    with login(space, refreshSeconds=3) as (idp, own):
        old, new = idp.token(idp.keys[0]), Key("r2")
        no_fewer_rights(own, old)
        idp.keys.append(new)
        wait_for(lambda: status_of(own, idp.token(new)) == 200, 5, "the new key is known")
        same(status_of(own, old), 200)
        idp.keys.pop(0)
        wait_for(lambda: status_of(own, old) == 401, 5, "the old key is known no more")
        same(status_of(own, idp.token(new)), 200)
        # Names of keys that are made up cost the provider nothing.
        before, begun = idp.fetches(), time.monotonic()
        for i in range(40):
            own.ask("GET", RUNS_PATH, idp.token(header={"alg": "RS256", "kid": f"no{i}"}))
        spent = time.monotonic() - begun
        assert idp.fetches() - before <= 1 + spent / 3, (idp.fetches() - before, spent)


@case
def a_bearer_token_in_one_header(space, gateway):
    token = space.token("editor")
    same(status_of(gateway, token), 200)
    for scheme in ("bearer ", "BEARER ", "BeArEr "):
        same((scheme, status_of(gateway, None, Authorization=scheme + token)), (scheme, 200))
    for value in (
        "Bearer", "Bearer nothing", "Bearer null", "Bearer undefined", "Bearer  " + token, "Bearer\t" + token, "Bearer" + token,
        "Bearer=" + token, "Bearer:" + token, f'Bearer "{token}"', f"Bearer {token},", f"Bearer {token} {token}", token,
        "Basic " + base64.b64encode(f"x:{token}".encode()).decode(), f"Token {token}", f"Bearer {token}, Bearer {token}",
    ):  # fmt: skip
        same((value[:20], status_of(gateway, None, Authorization=value)), (value[:20], 401))
    for where in ("access_token", "token", "authorization", "Authorization"):
        same(status_of(gateway, None, path=f"{RUNS_PATH}&{where}={token}"), 401)
        same(status_of(gateway, None, "POST", f"/mcp?{where}={token}", {}), 401)
    same(status_of(gateway, None, Cookie=f"access_token={token}", X_Api_Key=token, Proxy_Authorization=f"Bearer {token}"), 401)
    gateway.tokens.add(token)


@case
def refusals_say_where_to_log_in(space, gateway):
    where = f'resource_metadata="{gateway.url}/.well-known/oauth-protected-resource/mcp"'
    for path in ("/mcp", "/v1/runs", "/openapi.json", "/nothing"):
        status, headers, problem = gateway.ask("GET", path)
        same((status, headers["WWW-Authenticate"]), (401, "Bearer " + where))
        same((problem["status"], headers["Content-Type"]), (401, "application/problem+json"))
    status, headers, problem = wait_for(lambda: (a := gateway.ask("POST", "/mcp", "mrt_" + "b" * 43, {}))[0] != 429 and a, 20, "an answer")
    same((status, headers["WWW-Authenticate"]), (401, 'Bearer error="invalid_token", ' + where))
    for path in ("", "/mcp"):
        status, _, document = gateway.ask("GET", "/.well-known/oauth-protected-resource" + path)
        same((status, document["resource"], document["bearer_methods_supported"]), (200, gateway.url + "/mcp", ["header"]))
    viewer = space.token("viewer")
    status, headers, problem = gateway.ask("POST", "/v1/runs", viewer, ASYNC)
    same((status, headers["WWW-Authenticate"]), (403, None))
    assert "modelrun-editor" in problem["detail"], problem
    same(gateway.ask("POST", "/v1/runs", space.token("stranger"), ASYNC)[0], 404)
    same(gateway.ask("POST", "/v1/runs", space.token("editor"), ASYNC)[0], 202)


@case
def pages_of_others_are_not_served(space, gateway):
    token = space.token("editor")
    own = f"127.0.0.1:{gateway.port}"
    for headers in ({}, {"Host": own}, {"Host": "localhost"}, {"Origin": f"http://{own}"}, {"Origin": "https://localhost"}):
        same((headers, status_of(gateway, token, **headers)), (headers, 200))
    for headers in (
        {"Host": "evil.test"}, {"Host": "127.0.0.1.evil.test"}, {"Host": "localhost.evil.test"}, {"Host": f"evil.test:{gateway.port}"},
        {"Host": "evil.test@localhost"}, {"Host": "localhost:80:80"}, {"Host": "[::1].evil.test"}, {"Host": "2130706433"},
        {"Origin": "https://evil.test"}, {"Origin": "null"}, {"Origin": ""}, {"Origin": "http://localhost.evil.test"},
        {"Origin": "file://"}, {"Origin": f"http://{own}@evil.test"}, {"Origin": f"http://{own} https://evil.test"},
        {"Origin": "http://localhost/path"}, {"Origin": "chrome-extension://localhost"},
    ):  # fmt: skip
        same((headers, status_of(gateway, token, **headers)), (headers, 403))
        same((headers, status_of(gateway, None, "POST", "/mcp", {}, **headers)), (headers, 403))


def api_token(space, subject, seconds):
    """A token that ends in `seconds`, and the path of its Secret. The CLI knows days only."""
    token = "mrt_" + base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()
    ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    digest = hashlib.sha256(token.encode()).hexdigest()
    name = "modelrun-token-" + digest[:32]
    data = {"sha256": digest, "subject": subject, "namespace": space.name, "expires": ends.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
    metadata = {"name": name, "labels": {"modelrun.dev/secret": "api-token"}}
    path = SECRETS.format(space.name)
    space.post(path, {"metadata": metadata, "type": "modelrun.dev/api-token", "stringData": data, "immutable": True})
    return token, f"{path}/{name}"


def slow_run(space, gateway, token):
    run_id = gateway.ask("POST", "/v1/runs", token, SLOW)[2]["run_id"]
    wait_for(lambda: gateway.ask("GET", f"/v1/runs/{run_id}", token)[2]["status"] == "running", 60, "it runs")
    return run_id


def slow_runs(space):
    return [run for run in space.items(RUNS) if run["spec"].get("modelName") == "slow"]


def follow(gateway, token, run_id):
    """Begins to follow the log; gives a function that waits for the end: (text, when it ended)."""

    def whole():
        text = gateway.ask("GET", f"/v1/runs/{run_id}/logs", token)[2]
        return text, time.monotonic()

    return in_background(whole)


def wait_for_run(gateway, token, ask):
    """Begins a sync run of the slow model by ask(arguments); gives a function that waits for its end."""

    def whole():
        answer = ask({**SLOW, "mode": "sync"})
        return json.dumps(answer), time.monotonic()

    return in_background(whole)


@case
def token_that_ends_ends_its_calls(space, _):
    with login(space) as (idp, own):
        steady = idp.token()
        no_fewer_rights(own, steady)
        run_id = slow_run(space, own, steady)
        # Accepted 30 s longer than it says: these end in about eight seconds.
        short = idp.token(exp=int(time.time()) - 22)
        begun = time.monotonic()
        calls = [
            follow(own, short, run_id),
            wait_for_run(own, short, lambda arguments: own.ask("POST", "/v1/runs", short, arguments)[2]),
            wait_for_run(own, short, lambda arguments: own.ask("POST", "/mcp", short, mcp_call("run", arguments))[2]),
        ]
        for call in calls:
            text, at = call()
            assert "your token has expired" in text, text[-500:]
            assert 4 < at - begun < 15, f"after {at - begun:.1f} s"
        same(status_of(own, short), 401)
        same(own.ask("GET", f"/v1/runs/{run_id}", steady)[2]["status"], "running")
        cancel_all(space)


@case
def token_or_right_that_is_taken_away_ends_calls(space, gateway):
    token, secret = api_token(space, "revoked", 600)
    space.bind("revoked", "modelrun-editor", {**USER, "name": "modelrun-token:revoked"})
    space.bind("moved", "modelrun-editor", {**USER, "name": "modelrun-token:moved"})
    other, _ = api_token(space, "moved", 600)
    steady = space.token("editor")
    no_fewer_rights(gateway, token)
    no_fewer_rights(gateway, other)
    run_id = slow_run(space, gateway, steady)
    before = len(slow_runs(space))
    logs = follow(gateway, token, run_id), follow(gateway, other, run_id)
    run = wait_for_run(gateway, other, lambda arguments: gateway.ask("POST", "/v1/runs", other, arguments)[2])
    wait_for(lambda: len(slow_runs(space)) > before, 20, "the sync run is there")
    gateway.metrics_until("modelrun_gateway_logs", len(logs))
    space.delete(secret)
    space.delete(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{space.name}/rolebindings/moved")
    begun = time.monotonic()
    text, at = logs[0]()
    assert "not valid any more" in text and at - begun < 24, (text[-300:], at - begun)
    for call in (logs[1], run):
        text, at = call()
        # The answer's ten seconds, the two in which it is looked for, and what the API server takes to know.
        assert "no run" in text and at - begun < 18, (text[-300:], at - begun)
    same(status_of(gateway, token), 401)
    same(status_of(gateway, other), 404)
    same(gateway.ask("GET", f"/v1/runs/{run_id}", steady)[2]["status"], "running")
    cancel_all(space)


@case
def api_tokens_end_too(space, gateway):
    space.bind("short", "modelrun-viewer", {**USER, "name": "modelrun-token:short"})
    no_fewer_rights(gateway, api_token(space, "short", 600)[0])
    token, secret = api_token(space, "short", 8)
    same(status_of(gateway, token), 200)
    wait_for(lambda: status_of(gateway, token) == 401, 10, "it has expired")
    assert space.exists(secret)
    for changed in (token[:-1] + ("A" if token[-1] != "A" else "B"), token[:-1], token + "A", "MRT_" + token[4:], token.replace("mrt_", "mrt-")):
        same(status_of(gateway, changed), 401)


@case
def service_accounts_tokens_for_others(space, gateway):
    same(status_of(gateway, space.token("editor")), 200)
    for audience in ("https://kubernetes.default.svc.cluster.local", "modelrun.dev/runs", "modelrun.dev/gateway/", "MODELRUN.DEV/gateway"):
        same((audience, status_of(gateway, space.token("editor", audience))), (audience, 401))
    header, claims, signature = space.token("editor").split(".")
    read = json.loads(base64.urlsafe_b64decode(claims + "=="))
    for forged in (
        f"{header}.{claims}.{b64(bytes(256))}",
        f"{b64({'alg': 'none'})}.{claims}.",
        f"{header}.{b64({**read, 'sub': 'system:serviceaccount:kube-system:default'})}.{signature}",
        f"{header}.{b64({**read, 'iss': 'https://evil.test'})}.{signature}",
    ):
        same(status_of(gateway, forged), 401)
    # A gateway of another cluster's issuer shows nobody's token to this one.
    with Gateway(space, "--cluster-issuer", "https://elsewhere.test") as own:
        same(status_of(own, space.token("editor")), 401)
    with Gateway(space, "--audience", "another") as own:
        same(status_of(own, space.token("editor")), 401)
        same(status_of(own, space.token("editor", "another")), 200)


def mcp_call(tool, arguments):
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}


def cancel_all(space):
    """What still runs would only be in the way of the next case."""
    for run in space.items(RUNS):
        if run.get("status", {}).get("phase") not in ("Succeeded", "Failed", "TimedOut", "Cancelled"):
            space.patch_run(run["metadata"]["name"], cancel=True)
