"""Metrics over HTTP: they move as they say, name nobody, and those who read them harm no call."""

import os
import re
import resource
import signal
import socket
import time
import unittest

from harness import CORDOND, ServerTest, Store, document, main, run

STOP_S = 10  # docs/operations.md
SAMPLE = re.compile(r'^([a-z_]+)(\{[^}]*\})? (\S+)$')
FIXED = {  # every other label of every family, and what it may say
    "code": re.compile(r"[A-Z_]+$"),
    "pool": re.compile(r"(calls|bulk|endpoints|backups)$"),
    "le": re.compile(r"([0-9.e+-]+|\+Inf)$"),
    "quantile": re.compile(r"[0-9.]+$"),
    "version": re.compile(r"[0-9.]+$"),
    "method": re.compile(r"[A-Z][A-Za-z]+$"),
}


def get(address, request=b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", timeout=20):
    """All that an address answers to some bytes; (head, body)."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=timeout) as sock:
        sock.sendall(request)
        answer = b""
        while part := sock.recv(1 << 16):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body


def address_of(store):
    line = store.printed.get(timeout=20).decode()
    match = re.fullmatch(r"metrics on http://(127\.0\.0\.1:\d+)/metrics\n", line)
    if not match:
        raise AssertionError(f"cordond said {line!r}")
    return match[1]


def samples_of(text):
    """{"name{labels}": value} of a scrape, every line of which must be as Prometheus has it."""
    samples = {}
    for line in text.splitlines():
        if line.startswith(("# HELP ", "# TYPE ")) or not line:
            continue
        match = SAMPLE.match(line)
        if not match:
            raise AssertionError(f"no sample: {line!r}")
        samples[match[1] + (match[2] or "")] = float(match[3])
    return samples


class MetricsTest(ServerTest):
    options = ("--metrics-listen", "127.0.0.1:0")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.address = address_of(cls.store)

    def scrape(self):
        head, body = get(self.address)
        self.assertTrue(head.startswith(b"HTTP/1.1 200 OK"), head)
        return samples_of(body.decode())

    def moved(self, before):
        """What a scrape says more than `before`, of single samples."""
        after = self.scrape()
        return {name: after[name] - before.get(name, 0) for name in after}


class Counting(MetricsTest):
    def test_each_call_is_counted_by_method_and_code(self):
        name = self.filled(document("d"))
        before = self.scrape()
        self.sees(name, "user:ana")
        self.sees(name, "user:ana")
        self.refused("NOT_FOUND", "get", name, "absent", "--as", "user:ana")
        moved = self.moved(before)
        self.assertEqual(moved['cordon_requests_total{method="Retrieve",code="OK"}'], 2)
        self.assertEqual(moved['cordon_requests_total{method="GetDocument",code="NOT_FOUND"}'], 1)
        self.assertEqual(moved['cordon_requests_total{method="GetDocument",code="OK"}'], 0)
        self.assertEqual(moved['cordon_requests_total{method="Ingest",code="OK"}'], 0)
        self.assertEqual(moved['cordon_request_seconds_count{method="Retrieve"}'], 2)
        self.assertEqual(moved['cordon_request_seconds_bucket{method="Retrieve",le="+Inf"}'], 2)
        self.assertGreater(moved['cordon_request_seconds_sum{method="Retrieve"}'], 0)
        self.assertEqual(moved["cordon_passages_total"], 2)
        self.assertGreater(moved["cordon_context_tokens_total"], 0)
        self.assertEqual(moved["cordon_journal_records_total"], 3)
        self.assertGreater(moved["cordon_journal_sync_seconds_count"], 0)
        self.assertGreater(moved["cordon_journal_sync_seconds_sum"], 0)
        self.assertEqual(moved["cordon_canary_hits_total"], 0)
        self.assertEqual(moved["cordon_guard_rejected_total"], 0)

    def test_streams_are_counted_at_their_end(self):
        name = self.collection()
        before = self.scrape()
        self.ingest(name, document("a"), document("b", chunks=[
            {"text": "one", "embedding": [1, 0]}, {"text": "two", "embedding": [0, 1]}]))
        moved = self.moved(before)
        self.assertEqual(moved['cordon_requests_total{method="Ingest",code="OK"}'], 1)
        self.assertEqual(moved["cordon_ingested_documents_total"], 2)
        self.assertEqual(moved["cordon_ingested_chunks_total"], 3)
        self.assertEqual(moved["cordon_documents"], 2)
        self.assertEqual(moved["cordon_chunks"], 3)
        self.assertGreaterEqual(moved["cordon_revisions_total"], 1)
        self.ok("source", "sync", name, "wiki", self.store.lines(document("c")))
        people = self.store.lines({"principal": "group:hr", "members": ["user:ana"]})
        self.ok("directory", "sync", "hris", people)
        moved = self.moved(before)
        for method in ("SyncSource", "SyncDirectory"):
            self.assertEqual(moved[f'cordon_requests_total{{method="{method}",code="OK"}}'], 1)

    def test_a_canary_raises_the_alert_by_one_and_others_do_not(self):
        name = self.filled(document("bird", canary=True), document("plain", vector=(0.0, 1.0)))
        before = self.scrape()
        self.ok("get", name, "plain", "--as", "user:ana")
        self.assertEqual(self.moved(before)["cordon_canary_hits_total"], 0)
        self.ok("get", name, "bird", "--as", "user:ana")
        self.assertEqual(self.moved(before)["cordon_canary_hits_total"], 1)
        self.sees(name, "user:ana")
        self.assertEqual(self.moved(before)["cordon_canary_hits_total"], 2)

    def test_strangers_and_quotas(self):
        name = self.filled(document("d"), document("e"))
        before = self.scrape()
        bad = self.store.path(".key")
        bad.write_text("cordon_default.x.y\n")
        self.refused("UNAUTHENTICATED", "get", name, "d", key=bad)
        moved = self.moved(before)
        self.assertEqual(moved["cordon_unauthenticated_total"], 1)
        refused = 'cordon_requests_total{method="GetDocument",code="UNAUTHENTICATED"}'
        self.assertEqual(moved[refused], 1)
        self.assertEqual(moved["cordon_journal_records_total"], 0)
        rest = "--collections * --destinations dev --as-pattern * --clearance all".split()
        quota = ["--quota", '{"passages_per_day":1}']
        key = self.make_key("service:q", "query,act-as", *rest, *quota)
        before = self.scrape()
        self.ok("get", name, "d", "--as", "user:ana", key=key)
        over = ["get", name, "e", "--as", "user:ana"]
        self.refused("RESOURCE_EXHAUSTED", *over, key=key, field="quota.passages_per_day")
        moved = self.moved(before)
        self.assertGreaterEqual(moved["cordon_quota_refused_total"], 1)  # the client tries again
        self.assertEqual(moved["cordon_passages_total"], 1)

    def test_what_stays_says_that_all_is_well(self):
        now = self.scrape()
        for name in ("cordon_writes_failed", "cordon_journal_failed", "cordon_clock_in_doubt",
                     "cordon_keys_copy_behind", "cordon_guard_rejected_total",
                     "cordon_upkeep_failures_total", "cordon_break_glass_open",
                     'cordon_admission_refused_total{pool="calls"}'):
            self.assertEqual(now[name], 0, name)
        self.assertGreater(now["process_resident_memory_bytes"], 1 << 20)
        self.assertLess(abs(now["process_start_time_seconds"] - time.time()), 600)
        self.assertEqual(now["cordon_tenants"], 1)
        self.assertEqual(sum(name.startswith("cordon_build_info{") for name in now), 1)


class Reading(MetricsTest):
    def test_no_sample_names_anything(self):
        """Everything that a caller may name, once accepted and once refused."""
        secret = "zqxjk"
        people = [f"user:{secret}-ana", f"group:{secret}-staff"]
        name = f"{secret}-collection"
        self.ok("collection", "create", name, "--dim", 2, "--metric", "ip")
        self.policy(
            levels=["public", f"{secret}-level"],
            compartments=[f"{secret}-compartment"],
            tags=[f"{secret}-tag"],
            containers=[{"name": f"{secret}-folder", "allow": people[:1]}],
            destinations=[{"name": f"{secret}-model", "scope": 3, "ceiling": "all"}],
        )
        self.directory({"principal": people[1], "members": people[:1]})
        document_id = f"{secret}-document"
        self.ingest(name, document(document_id, allow=people, canary=True,
                                   level=f"{secret}-level", uri=f"https://{secret}.example/"))
        self.directory({"principal": people[0], "clearance": {"level": f"{secret}-level"}})
        rest = "--collections * --as-pattern * --clearance all".split()
        key = self.make_key(f"service:{secret}-app", "query,act-as,audit", *rest,
                            "--destinations", f"{secret}-model")
        self.ok("get", name, document_id, "--as", people[0], key=key)
        self.ok("retrieve", name, "--text", f"{secret} question", "--rank", "lexical",
                "--as", people[0], key=key)
        self.refused("NOT_FOUND", "get", name, f"{secret}-absent", "--as", people[0], key=key)
        self.refused("NOT_FOUND", "get", f"{secret}-nowhere", "x", "--as", people[0], key=key)
        self.store.cordon("retrieve", name, "--text", "x", "--destination", f"{secret}-other",
                          "--as", people[0], key=key)
        self.ok("why", name, document_id, "--as", people[0], key=key)
        self.ok("tenant", "create", f"{secret}-tenant", "--out", self.store.path(".key"))
        ids = [each["id"] for each in self.ok("key", "list")["keys"]]
        text = get(self.address)[1].decode()
        self.assertIn('cordon_requests_total{method="Retrieve",code="OK"}', text)
        self.assertIn('cordon_canary_hits_total', text)
        self.assertNotIn(secret, text.lower())
        for each in [*ids, str(self.store.folder), "user:", "group:", "default"]:
            self.assertNotIn(each, text, each)
        self.check_labels(text)

    def check_labels(self, text):
        """Labels are of a fixed set, so that their number is bounded whatever is asked."""
        for sample in samples_of(text):
            for label, value in re.findall(r'(\w+)="([^"]*)"', sample):
                self.assertIn(label, FIXED, sample)
                self.assertRegex(value, FIXED[label], sample)
        self.assertLess(len(text), 1 << 18)

    def test_nothing_else_is_served(self):
        for method in ("GET", "PUT", "POST", "DELETE", "OPTIONS", "PROPFIND", "MKCOL", "PATCH"):
            for path in ("/", "/etc/passwd", "/../../etc/passwd", "//etc/passwd", "/%2e%2e/x",
                         "/cgi-bin/x", "/metrics/../etc/passwd", "/cordon.v1.Admin/Stats"):
                request = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
                head, body = get(self.address, request.encode())
                self.assertRegex(head.split(b"\r\n")[0], rb"^HTTP/1.1 4\d\d ", request)
                self.assertNotIn(b"root:", body)
        head, _ = get(self.address)
        self.assertNotIn(b"access-control", head.lower(), "a web page must not read it")

    def test_the_port_of_calls_serves_no_metrics(self):
        host, port = self.store.address.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=5) as sock:
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            sock.settimeout(5)
            answer = b""
            try:
                while part := sock.recv(1 << 16):
                    answer += part
            except (TimeoutError, ConnectionError):
                pass
        self.assertNotIn(b"cordon_", answer)


def pester(address, count):
    """Connections of strangers: idle, half a request, garbage, and answers that nobody reads."""
    host, port = address.rsplit(":", 1)
    greetings = [
        b"",
        b"GET /metrics HTTP/1.1\r\nHo",
        os.urandom(4096),
        b"\x00" * 100_000,
        b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /" + b"a" * 50_000,
        b"POST /metrics HTTP/1.1\r\nContent-Length: 999999\r\n\r\n",
    ]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, count + 200), hard), hard))
    opened = []
    for number in range(count):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        sock.setblocking(False)
        sock.connect_ex((host, int(port)))
        opened.append((sock, greetings[number % len(greetings)]))
    time.sleep(0.5)
    for sock, greeting in opened:
        try:
            sock.send(greeting)
        except OSError:
            pass
    return [sock for sock, _ in opened]


class Hostile(unittest.TestCase):
    def served(self, *options):
        store = Store(options=["--metrics-listen", "127.0.0.1:0", *options])
        self.addCleanup(store.close)
        store.start()
        return store, address_of(store)

    def calls(self, store):
        begun = time.monotonic()
        answer = store.cordon("key", "list")
        self.assertEqual(answer.code, 0, answer)
        return time.monotonic() - begun

    def test_a_thousand_connections_harm_no_call_nor_the_stop(self):
        store, address = self.served()
        self.calls(store)
        before = len(list(os.scandir(f"/proc/{store.process.pid}/task")))
        opened = pester(address, 1000)
        for _ in range(10):
            self.assertLess(self.calls(store), 5)
        tasks = len(list(os.scandir(f"/proc/{store.process.pid}/task")))
        self.assertLess(tasks, before + 16, "a thread for each stranger")
        begun = time.monotonic()
        self.assertEqual(store.stop(), 0, store.log_text())
        self.assertLess(time.monotonic() - begun, STOP_S)
        for sock in opened:
            sock.close()

    def test_it_answers_again_once_they_are_gone(self):
        store, address = self.served()
        for sock in pester(address, 300):
            sock.close()
        until = time.monotonic() + 60
        while True:
            try:
                head, _ = get(address)
                if head.startswith(b"HTTP/1.1 200 OK"):
                    break
            except OSError:
                pass
            self.assertLess(time.monotonic(), until, "it never answered again")
        self.calls(store)
        self.assertEqual(store.stop(), 0)

    def test_scrapes_during_a_stop(self):
        for _ in range(3):
            store, address = self.served()
            store.process.send_signal(signal.SIGTERM)
            begun = time.monotonic()
            try:
                while True:
                    get(address, timeout=STOP_S)
            except OSError:
                pass
            self.assertEqual(store.process.wait(timeout=STOP_S), 0, store.log_text())
            self.assertLess(time.monotonic() - begun, STOP_S)


class Settings(unittest.TestCase):
    def store(self):
        store = Store()
        self.addCleanup(store.close)
        return store

    def refuse(self, store, *options, names="metrics_listen"):
        base = [CORDOND, "--dev", "--data-dir", store.data, "--listen", "127.0.0.1:0"]
        answer = run([*base, *options], timeout=30)
        self.assertEqual((answer.code, answer.out), (1, b""), answer)
        self.assertIn(names, answer.err.decode(), answer)

    def test_what_is_refused(self):
        store = self.store()
        for bad in ("0.0.0.0:0", "[::]:0", "10.0.0.1:9420", "example.org:1", "9420", ":0", "x",
                    "127.0.0.1:1,127.0.0.1:2", "127.0.0.1:0s", "127.0.0.1:99999"):
            self.refuse(store, "--metrics-listen", bad)
            self.refuse(store, "--config", store.json({"metrics_listen": bad}))
        # Development stays on this machine, whatever is said.
        self.refuse(store, "--metrics-listen", "0.0.0.0:0", "--metrics-beyond-loopback")
        self.refuse(store, "--metrics-beyond-loopback")
        for bad in ({"metrics_listen": ["127.0.0.1:0"]}, {"metrics_listen": ""},
                    {"metrics": {"listen": "127.0.0.1:0"}}, {"metrics_beyond_loopback": "maybe"}):
            self.refuse(store, "--config", store.json(bad), names=next(iter(bad)))
        self.assertFalse(store.data.exists(), "nothing is made before settings are checked")

    def test_a_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            self.refuse(self.store(), "--metrics-listen", address, names=address)

    def test_beyond_loopback_if_it_is_said(self):
        store = Store(dev=False)
        self.addCleanup(store.close)
        store.options = ["--metrics-listen", "0.0.0.0:0", "--metrics-beyond-loopback"]
        store.start()
        line = store.printed.get(timeout=20).decode()
        port = int(re.fullmatch(r"metrics on http://0\.0\.0\.0:(\d+)/metrics\n", line)[1])
        self.assertIn(b"cordon_build_info", get(f"127.0.0.1:{port}")[1])
        self.assertEqual(store.stop(), 0)

    def test_the_file_says_it_and_nothing_means_none(self):
        store = self.store()
        store.options = ["--config", str(store.json({"metrics_listen": "127.0.0.1:0"}))]
        store.start()
        self.assertIn(b"cordon_requests_total", get(address_of(store))[1])
        self.assertEqual(store.stop(), 0)
        self.assertEqual(store.printed.get(timeout=20), b"")
        store.options = []
        store.start()
        self.assertEqual(store.stop(), 0)
        self.assertEqual(store.printed.get(timeout=20), b"", "one line, as before")


if __name__ == "__main__":
    main()
