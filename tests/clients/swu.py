"""SWUpdate: packages that need no hardware, signed as Debian's build demands, and its hawkBit client on them."""

import hashlib
import os
import pathlib
import socket
import subprocess
import threading
import time

import windlass

PATIENCE = 60


class Signer:
    """A key and the certificate that devices trust for packages."""

    def __init__(self, directory):
        self.key = pathlib.Path(directory) / "sign.key.pem"
        self.certificate = pathlib.Path(directory) / "sign.cert.pem"
        windlass.openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=packages",
            "-addext", "extendedKeyUsage=emailProtection", "-addext", "keyUsage=digitalSignature",
            "-keyout", str(self.key), "-out", str(self.certificate),
        )  # fmt: skip

    def package(self, directory, version, destination, payload):
        """A signed .swu that writes `payload` into the plain file `destination`; its bytes."""
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "payload.bin").write_bytes(payload)
        digest = hashlib.sha256(payload).hexdigest()
        (directory / "sw-description").write_text(
            f"""software =
{{
    version = "{version}";
    hardware-compatibility: [ "1.0" ];
    files: (
        {{ filename = "payload.bin"; path = "{destination}"; type = "rawfile"; sha256 = "{digest}"; }}
    );
}}
"""
        )
        windlass.openssl(
            "cms", "-sign", "-in", str(directory / "sw-description"), "-out", str(directory / "sw-description.sig"),
            "-signer", str(self.certificate), "-inkey", str(self.key), "-outform", "DER", "-nosmimecap", "-binary",
        )  # fmt: skip
        members = "sw-description\nsw-description.sig\npayload.bin\n"
        done = subprocess.run(
            ["cpio", "-o", "-H", "crc", "--quiet"], input=members.encode(), cwd=directory, capture_output=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


class Client:
    """`swupdate` in its hawkBit mode, as one device."""

    def __init__(self, directory, url, device, token, signer):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log = self.directory / "swupdate.log"
        self.arguments = (url, device, token, signer)
        self.process = None

    def start(self, *more):
        url, device, token, _ = self.arguments
        options = f"-t DEFAULT -u {url} -i {device} -k {token} -p 2 -r 5 -w 1 -x {' '.join(more)}"
        return self._run(["-u", options])

    def start_with(self, configuration, *more):
        """Starts it with a file instead of options."""
        return self._run(["-f", str(configuration), "-u", " ".join(["-p 2", *more])])

    def _run(self, arguments):
        signer = self.arguments[3]
        # Its sockets have fixed names: each client gets a directory of its own.
        environment = {**os.environ, "TMPDIR": str(self.directory)}
        self.process = subprocess.Popen(
            ["swupdate", "-v", "-M", "-m", "-k", signer.certificate, "-H", "board:1.0", *arguments],
            env=environment, stdin=subprocess.DEVNULL, stdout=open(self.log, "ab"), stderr=subprocess.STDOUT,
        )  # fmt: skip
        return self

    def said(self):
        return self.log.read_text(errors="replace")

    def stop(self):
        """Ends it; it has no polite way that ends its children too."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
            self.process = None


class Narrow:
    """A link between a client and the server that can be cut, and remembers what was asked."""

    def __init__(self, server):
        self.to = server.http_address
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.asked = []
        self.cut_after = None
        self.cuts = 0
        self.pause = 0.0
        self.gate = threading.Event()
        self.gate.set()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client):
        host, port = self.to.rsplit(":", 1)
        try:
            upstream = socket.create_connection((host, int(port)), timeout=PATIENCE)
        except OSError:
            client.close()
            return
        threading.Thread(target=self._up, args=(client, upstream), daemon=True).start()
        sent = 0
        try:
            while data := upstream.recv(16 * 1024):
                self.gate.wait(PATIENCE)
                sent += len(data)
                client.sendall(data)
                if sent > 100_000:
                    time.sleep(self.pause)  # a narrow link: large files take their time, polls do not
                if self.cut_after is not None and sent > self.cut_after:
                    self.cut_after = None
                    self.cuts += 1
                    break
        except OSError:
            pass
        for side in (client, upstream):
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            side.close()

    def _up(self, client, upstream):
        try:
            while data := client.recv(16 * 1024):
                self.asked.append(data.decode("latin-1"))
                upstream.sendall(data)
        except OSError:
            pass

    def close(self):
        self.listener.close()
