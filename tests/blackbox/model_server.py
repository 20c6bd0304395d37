"""A model behind HTTP that embeds and reranks, and that fails as it is told to."""

import json
import math
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DIMENSION = 4
MODEL = "tiny-embed"


def embedding(text):
    """Two numbers for how often the text says cat and dog, one for its length, one constant."""
    words = text.lower().split()
    return [float(words.count("cat")), float(words.count("dog")), len(words) / 1000, 0.25]


def embeddings(texts):
    data = [{"index": i, "embedding": embedding(text)} for i, text in enumerate(texts)]
    return {"object": "list", "model": MODEL, "data": list(reversed(data))}


def ratings(query, documents):
    """The longer the better."""
    results = [{"index": i, "relevance_score": len(text)} for i, text in enumerate(documents)]
    return {"results": sorted(results, key=lambda result: -result["relevance_score"])}


def spoilt(answer, how):
    """A good answer made wrong."""
    entries = answer.get("data") or answer["results"]
    if how == "dimension":
        entries[0]["embedding"].append(1.0)
    elif how == "nan":
        entries[0]["embedding"][0] = math.nan
    elif how == "model":
        answer["model"] = "another"
    elif how == "nameless":
        del answer["model"]
    elif how == "few":
        entries.pop()
    elif how == "twice":
        entries[0]["index"] = entries[-1]["index"]
    return answer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):  # noqa: N802: the library's name
        model = self.server.model
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with model.lock:
            model.requests.append((body, self.headers.get("Authorization")))
            status = model.statuses.pop(0) if model.statuses else model.status
            how = model.how
        if how == "hang":
            model.stopped.wait(30)
        if how == "slow":
            time.sleep(0.5)
        headers = {"Retry-After": "1"} if status == 429 else {}
        if status != 200:
            return self.answer(status, {"error": "secret words of the model"}, headers)
        good = (
            ratings(body["query"], body["documents"])
            if "documents" in body
            else embeddings(body["input"])
        )
        return self.answer(200, spoilt(good, how), headers)

    def answer(self, status, value, headers):
        text = json.dumps(value).encode()
        self.send_response(status)
        for name, content in headers.items():
            self.send_header(name, content)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        try:
            self.wfile.write(text)
        except ConnectionError:  # whoever asked has given up
            pass

    def log_message(self, *_):
        pass


class Model:
    """Serves on a port of its own until it is closed; certificate: (file, key file) for TLS."""

    def __init__(self, certificate=None):
        self.lock, self.stopped = threading.Lock(), threading.Event()
        self.requests, self.statuses = [], []
        self.status, self.how = 200, ""
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.model = self
        scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self.server.server_address[1]}/v1/models"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def become(self, status=200, how="", statuses=()):
        """From now on; forgets what was asked before."""
        with self.lock:
            self.status, self.how, self.statuses = status, how, list(statuses)
            self.requests.clear()

    def asked(self):
        with self.lock:
            return list(self.requests)

    def texts(self):
        """Every text that came, in whatever place."""
        found = []
        for body, _ in self.asked():
            found += body.get("input", []) + body.get("documents", []) + [body.get("query", "")]
        return [text for text in found if text]

    def close(self):
        self.stopped.set()
        self.server.shutdown()
        self.server.server_close()
