"""Receivers of notifications, each a process of its own: `receivers.py KIND PORT FOLDER`.

Prints the port it listens on, then writes every message that it gets into a file of its own.
"""

import base64
import http.server
import json
import pathlib
import sys
import threading

from aiosmtpd.controller import Controller


def keep(folder, content):
    """A file appears whole or not at all."""
    number = max((int(path.stem) for path in folder.glob("*.got")), default=0) + 1
    place = folder / f"{number:06}.got"
    (folder / "new").write_bytes(content)
    (folder / "new").rename(place)


def webhook(port, folder):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            got = {"path": self.path, "headers": headers, "body": base64.b64encode(body).decode()}
            keep(folder, json.dumps(got).encode())
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_arguments):
            pass

    server = http.server.HTTPServer(("127.0.0.1", port), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


def smtp(port, folder):
    class Handler:
        async def handle_DATA(self, server, session, envelope):
            head = f"X-Envelope-To: {' '.join(envelope.rcpt_tos)}\r\n".encode()
            keep(folder, head + envelope.content)
            return "250 OK"

    controller = Controller(Handler(), hostname="127.0.0.1", port=port)
    if port == 0:
        # The controller connects to the port that it was told; a free one is found first.
        import socket

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            controller.port = probe.getsockname()[1]
    controller.start()
    print(controller.port, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    kind, port, folder = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
    {"webhook": webhook, "smtp": smtp}[kind](port, folder)
