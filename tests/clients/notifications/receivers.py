"""Receivers of notifications, each a process of its own: `receivers.py KIND PORT FOLDER`.

Prints the port it listens on, then writes every message that it gets into a file of its own. Kinds: `webhook`; `smtp`
speaks in the clear; `starttls` offers TLS but takes mail without it too; `smtps` speaks TLS from the first byte. The
last two have `cert.pem` and `key.pem` in the folder, take mail only after a login, and note each login that was tried.
"""

import asyncio
import base64
import http.server
import json
import pathlib
import ssl
import sys

import aiosmtpd.smtp

USER, PASSWORD = "windlass", "correct horse"


def keep(folder, content, kind="got"):
    """A file appears whole or not at all."""
    number = max((int(path.stem) for path in folder.glob(f"*.{kind}")), default=0) + 1
    place = folder / f"{number:06}.{kind}"
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


class Mailbox:
    """Keeps what a mail server of others hands it."""

    def __init__(self, folder):
        self.folder = folder

    async def handle_DATA(self, server, session, envelope):
        sealed = "yes" if server.transport.get_extra_info("cipher") else "no"
        head = f"X-Envelope-To: {' '.join(envelope.rcpt_tos)}\r\nX-Sealed: {sealed}\r\n".encode()
        keep(self.folder, head + envelope.content)
        return "250 OK"

    def login(self, server, session, envelope, mechanism, data):
        sealed = "yes" if server.transport.get_extra_info("cipher") else "no"
        keep(self.folder, json.dumps({"user": data.login.decode(), "sealed": sealed}).encode(), "login")
        right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return aiosmtpd.smtp.AuthResult(success=right, handled=False)


def mail(kind, port, folder):
    box, options, tls = Mailbox(folder), {}, None
    if kind != "smtp":
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        # A login in the clear is taken as well: that none is tried is up to the client.
        options = {"authenticator": box.login, "auth_required": True, "auth_require_tls": False}
    if kind == "starttls":
        options["tls_context"] = tls

    async def serve():
        loop = asyncio.get_running_loop()
        make = lambda: aiosmtpd.smtp.SMTP(box, loop=loop, hostname="receiver", **options)  # noqa: E731
        server = await loop.create_server(make, "127.0.0.1", port, ssl=tls if kind == "smtps" else None)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    asyncio.run(serve())


if __name__ == "__main__":
    kind, port, folder = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
    webhook(port, folder) if kind == "webhook" else mail(kind, port, folder)
