"""A gRPC service for customers.  Who they are, nginx says in the metadata.

    application.py [PORT]
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc


def who_am_i(request, context):
    metadata = dict(context.invocation_metadata())
    account = metadata.get("x-marketplace-customer-aws-account-id")

    if not account:
        context.abort(grpc.StatusCode.UNAUTHENTICATED, "Please register.")

    return f"Account {account}".encode()


def main():
    handlers = {"WhoAmI": grpc.unary_unary_rpc_method_handler(who_am_i)}
    service = grpc.method_handlers_generic_handler("example.Account", handlers)
    port = sys.argv[1] if len(sys.argv) > 1 else 50051

    server = grpc.server(ThreadPoolExecutor(4), handlers=[service])
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
