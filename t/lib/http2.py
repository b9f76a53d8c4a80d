#!/usr/bin/python3
"""Sends one HTTP/2 request and prints the answer as HTTP/1.1 would have it.

    http2.py PORT FILE
    http2.py -

FILE holds a JSON object: method, path, headers, a list of [name, value], and
frames, a list of what each DATA frame to send has in it.  Between two frames
it waits for the answer to a PING, which tells that the server has read all
that was sent before.

With "-" there is such an object on each line of the input, with the port,
too, and the answers are strings of JSON, one a line.
"""

import json
import socket
import sys

import h2.connection
import h2.events

TIMEOUT = 10
HOP_BY_HOP = ("host", "connection", "keep-alive", "transfer-encoding")


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        self.connection = h2.connection.H2Connection()
        self.connection.initiate_connection()
        self.status = None
        self.headers = []
        self.body = b""
        self.ended = False

    def flush(self):
        self.socket.sendall(self.connection.data_to_send())

    def read(self):
        """Take what has come; the events in it."""
        self.flush()
        data = self.socket.recv(65536)
        if not data:
            raise SystemExit("the server closed the connection")
        events = self.connection.receive_data(data)
        for event in events:
            self.note(event)
        self.flush()
        return events

    def note(self, event):
        if isinstance(event, h2.events.ResponseReceived):
            self.headers = [(name.decode("latin-1"), value.decode("latin-1"))
                            for name, value in event.headers]
            self.status = dict(self.headers)[":status"]
        elif isinstance(event, h2.events.DataReceived):
            self.body += event.data
            self.connection.acknowledge_received_data(
                event.flow_controlled_length, event.stream_id)
        elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
            self.ended = True

    def ping(self):
        self.connection.ping(b"whatever")
        while not any(isinstance(event, h2.events.PingAckReceived)
                      for event in self.read()):
            pass

    def send(self, method, path, headers, frames):
        pseudo = [(":method", method), (":path", path), (":scheme", "http"),
                  (":authority", "localhost")]
        rest = [(name, value) for name, value in headers
                if name not in HOP_BY_HOP]
        stream = self.connection.get_next_available_stream_id()
        self.connection.send_headers(stream, pseudo + rest,
                                     end_stream=not frames)
        for number, frame in enumerate(frames, 1):
            self.ping()
            if self.ended:
                return
            while len(frame) > self.connection.local_flow_control_window(
                    stream):
                self.read()
            self.connection.send_data(stream, frame.encode("latin-1"),
                                      end_stream=number == len(frames))


def ask(port, request):
    client = Client(port)
    client.send(**request)
    while not client.ended:
        client.read()
    client.socket.close()
    lines = [f"HTTP/1.1 {client.status} -"]
    lines += [f"{name}: {value}" for name, value in client.headers
              if name != ":status"]
    return "\r\n".join(lines) + "\r\n\r\n" + client.body.decode("latin-1")


def main():
    if sys.argv[1] == "-":
        for line in sys.stdin:
            request = json.loads(line)
            print(json.dumps(ask(request.pop("port"), request)), flush=True)
        return
    with open(sys.argv[2], encoding="latin-1") as file:
        request = json.load(file)
    answer = ask(int(sys.argv[1]), request)
    sys.stdout.buffer.write(answer.encode("latin-1"))


if __name__ == "__main__":
    main()
