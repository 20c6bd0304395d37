#!/usr/bin/python3
"""A question becomes a prompt with citations, for a model that may have what is in it."""

import argparse
import os
import sys
from pathlib import Path

import grpc
from cordon.v1 import retrieval_pb2 as api
from cordon.v1 import retrieval_pb2_grpc, types_pb2

INSTRUCTIONS = "Answer the question from the text below alone, and cite each fact as [n].\n\n"


def choose_model(retrieval, options, call):
    """The first of our models that may receive an answer of the label that we allow for."""
    label = types_pb2.Label(level=options.level)
    scope = api.Scope(**{"as": options.user}, purpose=options.purpose)
    request = api.AllowedDestinationsRequest(label=label, scope=scope)
    allowed = set(retrieval.AllowedDestinations(request, **call).destinations)
    return next((model for model in options.models.split(",") if model in allowed), None)


def fetch_context(retrieval, options, model, call):
    scope = api.Scope(**{"as": options.user}, destination=model, purpose=options.purpose)
    context = api.ContextOptions(
        duplicates=api.DUPLICATES_NEAR,
        per_document_max=3,
        token_reserve=options.reserve,
        want_block=True,
    )
    request = api.RetrieveRequest(
        collection=options.collection,
        scope=scope,
        text=options.question,
        k=8,
        token_budget=options.budget,
        context=context,
    )
    return retrieval.Retrieve(request, **call)


def label_text(label):
    parts = [label.level] + sorted(label.compartments) + [f"#{tag}" for tag in sorted(label.tags)]
    return " ".join(parts)


def answer(options):
    key = Path(os.environ["CORDON_KEY_FILE"]).read_text(encoding="ascii").strip()
    call = {"metadata": [("authorization", f"Bearer {key}")], "timeout": 30}
    with grpc.insecure_channel(options.server) as channel:
        retrieval = retrieval_pb2_grpc.RetrievalStub(channel)
        model = choose_model(retrieval, options, call)
        if model is None:
            sys.exit(f"none of our models may receive {options.level} for {options.user}")
        found = fetch_context(retrieval, options, model, call)
    if not found.passages:
        print(f"Nothing that {options.user} may see answers this.")
        return
    # It was searched for this model, so that it may have it; a second look costs nothing.
    if model not in found.destinations:
        sys.exit(f"{model} may not receive this context")
    print(f"{INSTRUCTIONS}{found.block}\nQuestion: {options.question}")
    print("---")
    print(f"to {model}, label {label_text(found.context_label)}, {found.tokens} tokens")
    for passage in found.passages:
        where = passage.uri or f"{passage.document}#{passage.chunk}"
        print(f"[{passage.citation}] {passage.title or passage.document}: {where}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default="127.0.0.1:7420")
    parser.add_argument("--collection", required=True)
    parser.add_argument("--user", required=True, help="for whom, such as user:ana")
    parser.add_argument("--models", required=True, help="our models by preference: destinations")
    parser.add_argument("--level", default="internal", help="the highest level we allow for")
    parser.add_argument("--purpose", default="answer a question")
    parser.add_argument("--budget", type=int, default=4000, help="tokens of the whole prompt")
    parser.add_argument("--reserve", type=int, default=500, help="of those, for the rest of it")
    parser.add_argument("question")
    try:
        answer(parser.parse_args())
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")


if __name__ == "__main__":
    main()
