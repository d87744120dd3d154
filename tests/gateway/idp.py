"""An identity provider for tests: real HTTPS with an authority of its own, OpenID Connect Discovery, keys that rotate, and
every way of being out of order. Signs whatever it is asked to sign, also what no honest provider would."""

import base64
import contextlib
import datetime
import hashlib
import hmac
import http.server
import ipaddress
import json
import os
import ssl
import tempfile
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID
from local_server import LocalServer

AUDIENCE = "https://models.test/mcp"
PEM = serialization.Encoding.PEM


def b64(data):
    if isinstance(data, dict):
        data = json.dumps(data)
    if isinstance(data, str):
        data = data.encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size=None):
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


class Key:
    """A key pair; `alg` is RS256 or ES256."""

    def __init__(self, kid, alg="RS256"):
        self.kid, self.alg = kid, alg
        self.private = rsa.generate_private_key(65537, 2048) if alg == "RS256" else ec.generate_private_key(ec.SECP256R1())

    def jwk(self):
        public = self.private.public_key().public_numbers()
        common = {"kid": self.kid, "alg": self.alg, "use": "sig"}
        if self.alg == "RS256":
            return {**common, "kty": "RSA", "n": number(public.n), "e": number(public.e)}
        return {**common, "kty": "EC", "crv": "P-256", "x": number(public.x, 32), "y": number(public.y, 32)}

    def public_pem(self):
        return self.private.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def sign(self, header, claims):
        """A JWT; `header` and `claims` may be text, for what no JSON library writes."""
        text = f"{b64(header)}.{b64(claims)}"
        return f"{text}.{b64(self.signature(text.encode(), header.get('alg') if isinstance(header, dict) else self.alg))}"

    def signature(self, data, alg):
        if self.alg == "ES256":
            r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        if alg == "PS256":
            return self.private.sign(data, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
        return self.private.sign(data, padding.PKCS1v15(), hashes.SHA512() if alg == "RS512" else hashes.SHA256())


def by_secret(header, claims, secret):
    """Signed with a secret that everybody can know."""
    text = f"{b64(header)}.{b64(claims)}"
    return f"{text}.{b64(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def certificate(folder):
    """Writes ca.pem and server.pem, for localhost."""
    now = datetime.datetime.now(datetime.timezone.utc)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the test's authority")])

    def build(name, public, *extensions):
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(ca_name).public_key(public)
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=1))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(ca_key, hashes.SHA256())

    ca = build(ca_name, ca_key.public_key(), (x509.BasicConstraints(True, 0), True))
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    leaf = build(name, key.public_key(), (x509.SubjectAlternativeName(names), False))
    with open(os.path.join(folder, "ca.pem"), "wb") as file:
        file.write(ca.public_bytes(PEM))
    with open(os.path.join(folder, "server.pem"), "wb") as file:
        file.write(leaf.public_bytes(PEM))
        file.write(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


class Idp(LocalServer):
    """The provider. `mode` says how it answers: ok, 500, garbage, huge, hang, drip, redirect, or changes of the discovery
    document: other-issuer, plain-http. `asked` are the paths that were asked for, in their order."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        certificate(self.folder.name)
        self.ca_file = os.path.join(self.folder.name, "ca.pem")
        self.keys = [Key("r1"), Key("e1", "ES256")]
        self.mode = "ok"
        self.asked = []
        self.tokens = set()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(os.path.join(self.folder.name, "server.pem"))
        super().__init__("127.0.0.1", self._handler(), tls)
        self.issuer = f"https://localhost:{self.port}/tenant/"

    def __exit__(self, *unused):
        super().__exit__()
        self.folder.cleanup()

    def config(self, namespace, prefix="login:", **more):
        """An entry of --jwt-issuers."""
        entry = {"issuer": self.issuer, "audiences": [AUDIENCE], "userPrefix": prefix, "groupPrefix": prefix}
        return {**entry, "namespace": namespace, "caFile": self.ca_file, **more}

    def claims(self, **changed):
        """Good for ten minutes; a None takes a claim away."""
        claims = {"iss": self.issuer, "aud": AUDIENCE, "sub": "ana", "exp": int(time.time()) + 600, **changed}
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, key=None, header=None, claims=None, **changed):
        key = key or self.keys[0]
        header = header if header is not None else {"typ": "JWT", "alg": key.alg, "kid": key.kid}
        token = key.sign(header, claims if claims is not None else self.claims(**changed))
        self.tokens.add(token)
        return token

    def fetches(self):
        return len([path for path in self.asked if path == "/keys"])

    def _answer(self, path):
        """(status, headers, body)"""
        base = f"https://localhost:{self.port}"
        if self.mode == "500":
            return 500, {}, b"no"
        if self.mode == "garbage":
            return 200, {}, b'{"keys": [' + os.urandom(200)
        if self.mode == "huge":
            return 200, {}, b'{"keys": [' + b" " * (10 << 20) + b"]}"
        if self.mode == "redirect":
            return 302, {"Location": base + "/elsewhere"}, b""
        if path.endswith("/.well-known/openid-configuration"):
            issuer = base + "/other" if self.mode == "other-issuer" else self.issuer
            keys = (base if self.mode != "plain-http" else base.replace("https", "http")) + "/keys"
            return 200, {}, json.dumps({"issuer": issuer, "jwks_uri": keys}).encode()
        if path in ("/keys", "/elsewhere"):
            return 200, {}, json.dumps({"keys": [key.jwk() for key in self.keys]}).encode()
        return 404, {}, b""

    def _handler(self):
        idp = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                idp.asked.append(self.path)
                with contextlib.suppress(OSError):
                    if idp.mode in ("hang", "drip"):
                        return self.slowly()
                    status, headers, body = idp._answer(self.path)
                    self.send_response(status)
                    for name, value in {**headers, "Content-Length": str(len(body))}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)
                return None

            def slowly(self):
                """Nothing at all, or a byte now and then, until the client or the test has had enough."""
                if idp.mode == "drip":
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                while not idp.over.wait(0.5):
                    if idp.mode == "drip":
                        self.wfile.write(b" ")

            def log_message(self, *unused):
                pass

        return Handler
