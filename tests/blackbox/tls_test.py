"""TLS as an operator sets it up: the guide's own commands, the command line, old protocols."""

import os
import re
import socket
import ssl
import subprocess
import unittest
from pathlib import Path

from harness import CORDON, CORDOND, Store, environment, main, run

WEAK = "ECDHE-ECDSA-AES128-SHA256"
GUIDE = Path(__file__).resolve().parents[2] / "docs/operations.md"


def setup_commands():
    """The shell commands of the guide's section on TLS."""
    section = GUIDE.read_text().split("## TLS and client certificates", 1)[1]
    return re.search(r"```sh\n(.*?)```", section, re.S).group(1)


class TlsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.store = Store(dev=False)
        cls.addClassCleanup(cls.store.close)
        cls.folder = cls.store.folder
        script = "set -e\numask 077\n" + setup_commands()
        subprocess.run(["sh", "-c", script], cwd=cls.folder, check=True, stderr=subprocess.PIPE)
        for flag in ("cert server.pem", "key server.key", "client-ca client-ca.pem"):
            option, name = flag.split()
            cls.store.options += [f"--tls-{option}", str(cls.folder / name)]
        os.environ["GRPC_SSL_CIPHER_SUITES"] = WEAK  # nobody's environment makes it weaker
        cls.store.start()
        del os.environ["GRPC_SSL_CIPHER_SUITES"]

    def cordon(self, *arguments, key=True, server=None, ca="server-ca.pem", **more):
        """One run with TLS; `key` sends the first admin's key."""
        env = environment(server or self.store.address, self.store.admin_key if key else None)
        if ca:
            env["CORDON_TLS_CA"] = str(self.folder / ca)
        env.update(more)
        return run([CORDON, "--json", *arguments], env=env)

    def files(self, name):
        """A certificate of the guide's and its key, as the environment names them."""
        stem = str(self.folder / name)
        return {"CORDON_TLS_CERT": stem + ".pem", "CORDON_TLS_KEY": stem + ".key"}

    def app(self, *arguments, **more):
        return self.cordon(*arguments, key=False, **{**self.files("app"), **more})

    def ok(self, answer):
        self.assertEqual(answer.code, 0, answer)
        return answer.last

    def refused(self, answer, code, field, words=""):
        self.assertEqual(answer.code, 1, answer)
        self.assertEqual(answer.error.get("code"), code, answer)
        self.assertEqual(answer.error["field"], field, answer)
        self.assertIn(words, answer.error["message"], answer)

    def apply(self, policy):
        return self.ok(self.cordon("policy", "apply", self.store.json(policy)))

    def test_a_certificate_is_a_key(self):
        self.refused(self.app("capabilities"), "UNAUTHENTICATED", "authorization")
        made = self.ok(
            self.cordon(
                *["key", "create", "--principal", "service:app", "--rights", "query"],
                *["--certificate", "spiffe://corp.example/app"],
            )
        )
        self.assertNotIn("key", made)
        self.ok(self.app("capabilities"))
        listed = {key["id"]: key for key in self.ok(self.cordon("key", "list"))["keys"]}
        self.assertEqual(listed[made["id"]]["certificate"], "spiffe://corp.example/app")
        for ask in (["-fingerprint", "-sha256"], ["-issuer", "-nameopt", "RFC2253"]):
            told = run(["openssl", "x509", "-noout", "-in", self.folder / "app.pem", *ask])
            value = told.out.decode().strip().split("=", 1)[1]
            single = ask[0] == "-fingerprint"
            denied = {"fingerprint": "sha256:" + value} if single else {"issuer": value}
            self.assertEqual(self.apply({"denied_certificates": [denied]})["applied"], 1)
            self.refused(self.app("capabilities"), "UNAUTHENTICATED", "authorization")
            self.apply({"denied_certificates": []})
            self.ok(self.app("capabilities"))
        self.ok(self.cordon("key", "revoke", made["id"]))
        self.refused(self.app("capabilities"), "UNAUTHENTICATED", "authorization")

    def test_what_is_wrong_is_said(self):
        ask = ["capabilities"]
        self.ok(self.cordon(*ask))
        self.refused(self.cordon(*ask, ca=None), "UNAVAILABLE", "", "--tls-ca")
        self.refused(self.cordon(*ask, ca="client-ca.pem"), "UNAVAILABLE", "", "--tls-ca")
        named = ["--tls-server-name", "other.example"]
        self.refused(self.cordon(*ask, *named), "UNAVAILABLE", "", "--tls-server-name")
        self.ok(self.cordon(*ask, "--tls-server-name", "localhost"))
        stranger = self.cordon(*ask, **self.files("server"))
        self.refused(stranger, "UNAVAILABLE", "", "--tls-cert")
        self.refused(self.cordon(*ask, ca="server.key"), "INVALID_ARGUMENT", "tls-ca", "server.key")
        self.refused(self.cordon(*ask, ca="absent"), "INVALID_ARGUMENT", "tls-ca", "absent")
        self.refused(self.app(*ask, CORDON_TLS_KEY=""), "INVALID_ARGUMENT", "tls-key")
        swapped = str(self.folder / "server.key")
        mixed = self.app(*ask, CORDON_TLS_KEY=swapped)
        self.refused(mixed, "INVALID_ARGUMENT", "tls-key", "server.key")
        self.refused(self.app(*ask, ca=None), "INVALID_ARGUMENT", "tls-ca")
        plain = Store()
        self.addCleanup(plain.close)
        plain.start()
        mute = self.cordon(*ask, server=plain.address)
        self.refused(mute, "UNAVAILABLE", "", "leave --tls-ca out")

    def test_keys_end_and_change(self):
        base = ["key", "create", "--principal", "service:x", "--rights", "query"]
        past = self.cordon(*base, "--expires", "2020-01-01T00:00:00Z")
        self.refused(past, "INVALID_ARGUMENT", "expires")
        self.refused(self.cordon(*base, "--expires", "soon"), "INVALID_ARGUMENT", "expires")
        made = self.ok(self.cordon(*base, "--expires", "2099-01-01T00:00:00Z"))
        keys = {"first": made["key"]}
        file = self.store.path(".key")
        self.ok(self.cordon("key", "rotate", made["id"], "--overlap", "1h", "--out", file))
        keys["second"] = file.read_text().strip()
        self.assertNotEqual(keys["first"], keys["second"])
        listed = self.ok(self.cordon("key", "list"))["keys"]
        info = next(key for key in listed if key["id"] == made["id"])
        self.assertEqual(info["expires"], "2099-01-01T00:00:00Z")
        self.assertIsNotNone(info["previous_until"])
        keys["third"] = self.ok(self.cordon("key", "rotate", made["id"], "--overlap", "1d"))["key"]
        for name, good in (("first", False), ("second", True), ("third", True)):
            path = self.store.path(".key")
            path.write_text(keys[name])
            path.chmod(0o600)
            answer = self.cordon("capabilities", key=False, CORDON_KEY_FILE=str(path))
            self.assertEqual(answer.code == 0, good, (name, answer))
        for bad in ("31d", "1", "h", "-1h", "1 h"):
            answer = self.cordon("key", "rotate", made["id"], f"--overlap={bad}")
            self.refused(answer, "INVALID_ARGUMENT", "overlap")
        self.refused(self.cordon("key", "rotate", "absent"), "NOT_FOUND", "id")

    def handshake(self, low, high, suites):
        """The version and suite that come about, or None."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.folder / "server-ca.pem")
        context.minimum_version, context.maximum_version = low, high
        context.set_ciphers(suites)
        context.set_alpn_protocols(["h2"])
        host, port = self.store.address.rsplit(":", 1)
        try:
            with socket.create_connection((host, int(port)), timeout=10) as plain:
                with context.wrap_socket(plain, server_hostname=host) as secure:
                    return secure.version(), secure.cipher()[0]
        except (ssl.SSLError, ConnectionError):
            return None

    def test_old_protocols_are_spoken(self):
        v = ssl.TLSVersion
        every = "ALL:@SECLEVEL=0"
        self.assertEqual(self.handshake(v.TLSv1_3, v.TLSv1_3, every)[0], "TLSv1.3")
        self.assertRegex(self.handshake(v.TLSv1_2, v.TLSv1_2, every)[1], "^ECDHE-.*(GCM|POLY1305)")
        for suite in ("CHACHA20", "AESGCM"):
            self.assertIsNotNone(self.handshake(v.TLSv1_2, v.TLSv1_2, f"ECDHE+{suite}"), suite)
        for suite in (WEAK, "ECDHE-ECDSA-AES256-SHA", "ECDHE-ECDSA-AES128-CCM8"):
            weak = f"{suite}:@SECLEVEL=0"
            self.assertIsNone(self.handshake(v.TLSv1_2, v.TLSv1_2, weak), suite)
        for old in (v.TLSv1_1, v.TLSv1):
            self.assertIsNone(self.handshake(v.TLSv1, old, every), old)

    def test_beyond_this_machine(self):
        def start(*options, dev=False):
            store = Store(dev=dev)
            self.addCleanup(store.close)
            return run([CORDOND, "--data-dir", store.data, "--listen", "0.0.0.0:0", *options])

        tls = self.store.options
        for refused in (start(), start(*tls[:4], "--dev", dev=True)):
            self.assertEqual(refused.code, 1, refused)
            self.assertIn(b"listen: not a loopback address", refused.err, refused)
        self.assertIn(b"tls_key: missing", start(*tls[:2]).err)
        open_store = Store(dev=False, options=tls)
        self.addCleanup(open_store.close)
        command = [part.replace("127.0.0.1:0", "0.0.0.0:0") for part in open_store.command()]
        open_store.command = lambda: command
        open_store.start()
        port = open_store.address.rsplit(":", 1)[1]
        key = {"CORDON_KEY_FILE": str(open_store.admin_key)}
        self.ok(self.cordon("capabilities", server=f"127.0.0.1:{port}", **key))


if __name__ == "__main__":
    main()
