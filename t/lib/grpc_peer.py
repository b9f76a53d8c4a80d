#!/usr/bin/python3
"""A real gRPC server, and a real gRPC client, for tests.

    grpc_peer.py --ready-file FILE [--exit-with-parent]

serves on a free port of 127.0.0.1, which it writes to FILE.

    grpc_peer.py --call FILE

makes the calls in FILE, which has a JSON list of them, each an object:

    port        to call at 127.0.0.1
    method      "/Echo/Unary", or "/Echo/Stream"
    metadata    a list of [name, value]
    messages    a list of texts: for Unary the only one; of a Stream each is
                sent when the server has answered the one before

and prints as JSON a list of what came of each: code, the gRPC status's name;
details, the text of it; and messages, a list of texts.

Both methods answer every message with JSON: "message" is what was received,
"metadata" a list of those [name, value] that have "marketplace" or "cookie" in
their name or their value, sorted.
"""

import argparse
import ctypes
import json
import os
import queue
import re
import signal
from concurrent.futures import ThreadPoolExecutor

# A refusal is what a test wants to see, not a line on its stderr.
os.environ["GRPC_VERBOSITY"] = "NONE"

import grpc  # noqa: E402

PR_SET_PDEATHSIG = 1
TIMEOUT = 10


def answer(message, context):
    metadata = sorted(
        [name, value if isinstance(value, str) else value.decode("latin-1")]
        for name, value in context.invocation_metadata()
        if re.search("marketplace|cookie", f"{name} {value}")
    )
    return json.dumps(
        {"message": message.decode(), "metadata": metadata}
    ).encode()


def stream(messages, context):
    for message in messages:
        yield answer(message, context)


class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        return {
            "/Echo/Unary": grpc.unary_unary_rpc_method_handler(answer),
            "/Echo/Stream": grpc.stream_stream_rpc_method_handler(stream),
        }.get(details.method)


def serve(ready_file):
    server = grpc.server(ThreadPoolExecutor(4), handlers=[Echo()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()

    with open(ready_file + ".new", "w") as ready:
        ready.write(str(port))
    os.rename(ready_file + ".new", ready_file)

    server.wait_for_termination()


def unary(channel, call):
    [message] = call["messages"]
    ask = channel.unary_unary(call["method"])
    yield ask(message.encode(), TIMEOUT, metadata=call["metadata"])


def one_by_one(channel, call):
    """Sends no message before the one in front of it is answered."""
    answered = queue.SimpleQueue()

    def messages():
        for message in call["messages"]:
            yield message.encode()
            answered.get(timeout=TIMEOUT)

    ask = channel.stream_stream(call["method"])
    for reply in ask(messages(), TIMEOUT, metadata=call["metadata"]):
        yield reply
        answered.put(True)


def outcome(call):
    result = {"code": "OK", "details": "", "messages": []}
    way = unary if call["method"] == "/Echo/Unary" else one_by_one
    call["metadata"] = [tuple(pair) for pair in call["metadata"]]

    with grpc.insecure_channel(
        f"127.0.0.1:{call['port']}", [("grpc.enable_http_proxy", 0)]
    ) as channel:
        try:
            for reply in way(channel, call):
                result["messages"].append(reply.decode())
        except grpc.RpcError as error:
            result["code"] = error.code().name
            result["details"] = error.details()

    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ready-file")
    parser.add_argument("--call")
    parser.add_argument("--exit-with-parent", action="store_true")
    options = parser.parse_args()

    if options.exit_with_parent:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    if options.call:
        with open(options.call) as calls:
            print(json.dumps([outcome(call) for call in json.load(calls)]))
    else:
        serve(options.ready_file)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    main()
