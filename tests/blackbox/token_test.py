"""Users prove who they are: tokens of real issuers, alone and forwarded by an application.

Keys and signatures are made by the openssl command; key sets come from a file, from a server on
loopback, and over TLS with a CA of the test's own.
"""

import base64
import http.server
import json
import ssl
import subprocess
import threading
import time

from harness import ServerTest, Store, document, main, write_npy

ISS = "https://login.example.org/"


def openssl(*arguments, data=None):
    return subprocess.run(
        ["openssl", *map(str, arguments)], input=data, check=True, capture_output=True
    ).stdout


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def wait_for(condition, seconds=15):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.1)
    return False


class Key:
    """A key pair of an issuer, as a file for openssl."""

    OPTIONS = {
        "RS256": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        "ES256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "EdDSA": ["-algorithm", "ED25519"],
    }

    def __init__(self, path, alg, kid):
        self.path, self.alg, self.kid = path, alg, kid
        openssl("genpkey", *self.OPTIONS[alg], "-out", path)

    def jwk(self):
        der = openssl("pkey", "-in", self.path, "-pubout", "-outform", "DER")
        if self.alg == "RS256":
            line = openssl("rsa", "-in", self.path, "-modulus", "-noout").decode().strip()
            number = {"kty": "RSA", "n": b64(bytes.fromhex(line.split("=")[1])), "e": "AQAB"}
        elif self.alg == "ES256":
            point = der[-64:]
            number = {"kty": "EC", "crv": "P-256", "x": b64(point[:32]), "y": b64(point[32:])}
        else:
            number = {"kty": "OKP", "crv": "Ed25519", "x": b64(der[-32:])}
        return {"kid": self.kid, "use": "sig", "alg": self.alg, **number}

    def sign(self, text):
        message = self.path.with_suffix(".message")
        message.write_bytes(text)
        if self.alg == "EdDSA":
            return openssl("pkeyutl", "-sign", "-inkey", self.path, "-rawin", "-in", message)
        signature = openssl("dgst", "-sha256", "-sign", self.path, message)
        return self.raw(signature) if self.alg == "ES256" else signature

    @staticmethod
    def raw(der):
        """r and s of 32 bytes each, from ASN.1."""
        first = der[3]
        r, s = der[4 : 4 + first], der[6 + first :]
        return b"".join(number[-32:].rjust(32, b"\0") for number in (r, s))

    def token(self, sub="ana", header=None, **claims):
        now = int(time.time())
        claims = {"iss": ISS, "sub": sub, "aud": "cordon", "iat": now, "exp": now + 600, **claims}
        header = header or {"alg": self.alg, "kid": self.kid, "typ": "JWT"}
        parts = [b64(json.dumps(part).encode()) for part in (header, claims)]
        text = ".".join(parts)
        return f"{text}.{b64(self.sign(text.encode()))}"


class KeyServer:
    """Serves a key set; `answer` may be changed or taken away."""

    def __init__(self, certificate=None):
        outer = self
        self.answer, self.asked = b"", 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked += 1
                self.send_response(200 if outer.answer else 503)
                self.end_headers()
                self.wfile.write(outer.answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        scheme = "https" if certificate else "http"
        self.url = f"{scheme}://127.0.0.1:{self.server.server_address[1]}/keys"

    def publish(self, *keys):
        self.answer = json.dumps({"keys": [key.jwk() for key in keys]}).encode()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class TokenTest(ServerTest):
    """One server with an issuer for each way of configuring one."""

    dev = False

    @classmethod
    def setUpClass(cls):
        cls.store = Store(dev=False)
        cls.addClassCleanup(cls.store.close)
        folder = cls.folder = cls.store.folder
        cls.keys = {alg: Key(folder / f"{alg}.pem", alg, alg.lower()) for alg in Key.OPTIONS}
        cls.rsa, cls.ec = cls.keys["RS256"], cls.keys["ES256"]
        cls.key_file = folder / "keys.json"
        cls.publish(*cls.keys.values())
        cls.plain = KeyServer()
        cls.addClassCleanup(cls.plain.close)
        cls.plain.publish(cls.ec)
        certificate = folder / "ca.pem", folder / "ca.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-subj", "/CN=keys", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2",
                "-out", certificate[0], "-keyout", certificate[1])  # fmt: skip
        cls.secure = KeyServer(certificate)
        cls.addClassCleanup(cls.secure.close)
        cls.secure.publish(cls.ec)
        config = folder / "cordond.yaml"
        config.write_text(json.dumps({"issuers": cls.issuers(certificate[0])}))
        cls.store.options = ["--config", str(config)]
        cls.store.start()
        cls.prepare(cls)

    @classmethod
    def issuers(cls, ca):
        base = {
            "tenant": "default",
            "audiences": ["cordon"],
            "ceiling": "all",
            "collections": ["*"],
            "destinations": ["chat"],
        }
        quick = {"jwks_refresh_s": 1, "jwks_pause_s": 1, "jwks_stale_s": 4, "algorithms": ["ES256"]}
        secure = {**quick, "jwks": cls.secure.url, "jwks_stale_s": 86400}
        return [
            {**base, "name": "corp", "iss": ISS, "algorithms": ["RS256", "ES256", "EdDSA"],
             "jwks": str(cls.key_file)},
            {**base, "name": "claims", "iss": "https://claims.example.org", "algorithms": ["ES256"],
             "jwks": str(cls.key_file), "groups": {"source": "claims"},
             "clearance": {"claim": "level", "values": {"high": {"level": "confidential"},
                                                        "low": "lowest"}}},
            {**base, **quick, "name": "plain", "iss": "https://plain", "jwks": cls.plain.url},
            {**base, **secure, "name": "secure", "iss": "https://secure", "jwks_ca": str(ca)},
            {**base, **secure, "name": "unknown-ca", "iss": "https://unknown-ca"},
        ]  # fmt: skip

    @classmethod
    def publish(cls, *keys):
        new = cls.key_file.with_suffix(".new")
        new.write_text(json.dumps({"keys": [key.jwk() for key in keys]}))
        new.rename(cls.key_file)

    def prepare(cls):
        def ok(*arguments, key=None):
            answer = cls.store.cordon(*arguments, key=key)
            assert answer.code == 0, answer
            return answer.last

        def key(principal, rights, *options):
            file = cls.store.path(".key")
            ok("key", "create", "--principal", principal, "--rights", rights, "--out", file,
               "--collections", "*", "--destinations", "chat", *options)  # fmt: skip
            return file

        every = '{"level":"restricted"}'
        chat = {"name": "chat", "scope": 3, "ceiling": "all"}
        ok("policy", "apply", cls.store.json({"destinations": [chat]}))
        ok("directory", "apply", cls.store.lines(
            {"principal": "group:hr", "members": ["user:ana"]},
            {"principal": "group:outer", "members": ["group:barred"]},
            {"principal": "user:ana", "clearance": {"level": "internal"}}))  # fmt: skip
        ok("collection", "create", "docs", "--dim", "2", "--metric", "ip")
        writer = key("service:writer", "ingest,label,grant", "--clearance", every)
        ok("ingest", "docs", cls.store.lines(
            document("open"), document("hr", ["group:hr"]), document("eve", ["user:eve"]),
            document("secret", ["everyone"], "confidential"),
            document("inside", [], acl={"allow": ["everyone"], "deny": ["group:outer"]})),
            key=writer)  # fmt: skip
        cls.app = key("service:app", "query,act-as", "--clearance", every)
        cls.narrow = key("service:narrow", "query,act-as")
        cls.mute = key("service:mute", "query,audit", "--clearance", every)

    def file(self, token):
        path = self.store.path(".token")
        path.write_text(token + "\n")
        path.chmod(0o600)
        return path

    def seen(self, token, *options, app=None):
        """What a token sees by itself or through `app`; None if it is not believed."""
        file = self.file(token)
        forwarded = ["--user-token-file", file] if app else []
        asked = ["retrieve", "docs", "--vector", self.vector(), "--mode", "exact"]
        answer = self.store.cordon(*asked, *forwarded, *options, key=app or file)
        if answer.code != 0:
            self.assertEqual(answer.error.get("code"), "UNAUTHENTICATED", answer)
            self.assertEqual(
                answer.error["field"], "cordon-user-token" if app else "authorization"
            )
            return None
        return sorted(passage["document"] for passage in answer.last["passages"])

    def vector(self):
        return write_npy(self.store.path(".npy"), (1.0, 0.0))

    def test_a_user_sees_what_is_theirs(self):
        for alg, key in self.keys.items():
            with self.subTest(alg):
                for app in (None, self.app):
                    self.assertEqual(self.seen(key.token(), app=app), ["hr", "inside", "open"])
                    eve = self.seen(key.token("eve"), app=app)
                    self.assertEqual(eve, ["eve", "inside", "open"])

    def test_a_bad_token_is_believed(self):
        now = int(time.time())
        other = Key(self.store.path(".pem"), "ES256", "es256")
        good = self.ec.token()
        header = {"alg": "ES256", "kid": "es256"}
        bad = {
            "expired": self.ec.token(iat=now - 700, exp=now - 100),
            "not yet": self.ec.token(nbf=now + 600),
            "too long": self.ec.token(exp=now + 4000),
            "wrong audience": self.ec.token(aud="other"),
            "wrong issuer": self.ec.token(iss="https://evil.example.org/"),
            "another's key": other.token(),
            "a key of its own": other.token(header={**header, "jwk": other.jwk()}),
            "unknown key": self.ec.token(header={**header, "kid": "none"}),
            "critical": self.ec.token(header={**header, "crit": ["x"]}),
            "unsigned": good.rsplit(".", 1)[0] + ".",
            "no subject": self.ec.token(sub=None),
            "tampered": good.replace(".", ".e", 1),
        }
        for name, token in bad.items():
            with self.subTest(name):
                self.assertIsNone(self.seen(token))
                self.assertIsNone(self.seen(token, app=self.app))

    def test_a_forwarded_token_lends_its_user_alone(self):
        token = self.file(self.ec.token())
        asked = ["retrieve", "docs", "--vector", self.vector(), "--user-token-file", token]
        self.assertEqual(self.ok(*asked, "--as", "user:ana", key=self.app)["revision"] > 0, True)
        self.refused("PERMISSION_DENIED", *asked, "--as", "user:eve", field="as", key=self.app)
        self.refused("PERMISSION_DENIED", *asked, field="rights", key=self.mute)
        # The application's clearance stays a ceiling, and asserting needs a pattern as before.
        passages = self.ok(*asked, key=self.narrow)["passages"]
        self.assertEqual({passage["label"]["level"] for passage in passages}, {"public"})
        without = asked[:-2]
        self.refused("PERMISSION_DENIED", *without, "--as", "user:ana", field="as", key=self.app)
        # A call that acts for nobody takes it, if it is good, and nothing comes of it.
        bad = self.file(self.ec.token(aud="other"))
        stats = ["stats", "docs", "--as", "user:eve", "--user-token-file"]
        self.assertIn("visible_chunks", self.ok(*stats, token, key=self.mute))
        self.refused("UNAUTHENTICATED", *stats, bad, field="cordon-user-token", key=self.mute)
        # The journal tells the verified from the asserted.
        lines = self.ok("journal", "show", "-n", "20", key=self.mute)["lines"]
        mine = [line for line in lines if line["call"] == "Retrieve" and line["outcome"] == "OK"]
        self.assertTrue(mine and all(line["verified_user"] for line in mine), lines)

    def test_claims_take_the_place_of_the_directory(self):
        def seen(**claims):
            claims = {"groups": ["hr"], "level": "high", **claims}
            return self.seen(self.ec.token(iss="https://claims.example.org", **claims))

        self.assertEqual(seen(), ["hr", "inside", "open", "secret"])
        self.assertEqual(seen(groups=[]), ["inside", "open", "secret"])
        self.assertEqual(seen(groups=["barred"]), ["open", "secret"])
        self.assertEqual(seen(groups=["unheard of"]), ["inside", "open", "secret"])
        self.assertEqual(seen(level="low"), ["hr", "inside", "open"])
        self.assertIsNone(seen(level="top"))
        self.assertIsNone(seen(level=None))
        self.assertIsNone(seen(groups=None))
        self.assertIsNone(seen(hasgroups=True))
        self.assertIsNone(seen(_claim_names={"groups": "src1"}))

    def test_keys_rotate_in_a_file(self):
        new = Key(self.store.path(".pem"), "ES256", "new")
        self.assertIsNone(self.seen(new.token()))
        self.publish(*self.keys.values(), new)
        self.assertTrue(wait_for(lambda: self.seen(new.token())))
        self.publish(*self.keys.values())
        self.assertTrue(wait_for(lambda: self.seen(new.token()) is None))
        self.assertIsNotNone(self.seen(self.ec.token()))

    def test_keys_come_from_a_url(self):
        new = Key(self.store.path(".pem"), "ES256", "new")
        claims = {"iss": "https://plain"}
        self.assertIsNotNone(self.seen(self.ec.token(**claims)))
        self.assertIsNone(self.seen(new.token(**claims)))
        self.plain.publish(new)
        self.assertTrue(wait_for(lambda: self.seen(new.token(**claims))))
        self.assertIsNone(self.seen(self.ec.token(**claims)))
        # Not to be reached: the last good keys count for their time, and no longer.
        self.plain.answer = b""
        self.assertIsNotNone(self.seen(new.token(**claims)))
        self.assertTrue(wait_for(lambda: self.seen(new.token(**claims)) is None))
        self.assertIsNotNone(self.seen(self.ec.token()), "another issuer's keys went, too")
        self.plain.publish(self.ec)
        self.assertTrue(wait_for(lambda: self.seen(self.ec.token(**claims))))

    def test_a_url_needs_a_known_ca(self):
        self.assertIsNotNone(self.seen(self.ec.token(iss="https://secure")))
        self.assertIsNone(self.seen(self.ec.token(iss="https://unknown-ca")))


if __name__ == "__main__":
    main()
