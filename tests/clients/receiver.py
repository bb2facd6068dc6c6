"""A receiver of notifications in a process of its own, and what it got."""

import email
import email.policy
import json
import pathlib
import subprocess
import sys

import windlass

RECEIVERS = pathlib.Path(__file__).parent / "notifications/receivers.py"


class Process:
    """A receiver of one kind: writes what it gets into a folder, one file for each."""

    def __init__(self, kind, directory, port=0):
        self.directory = directory / kind
        self.directory.mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, RECEIVERS, kind, str(port), self.directory], stdout=subprocess.PIPE, text=True
        )
        self.port = int(self.process.stdout.readline())

    def received(self):
        return [path.read_bytes() for path in sorted(self.directory.glob("*.got"))]

    def mails(self):
        return [email.message_from_bytes(got, policy=email.policy.default) for got in self.received()]

    def logins(self):
        return [json.loads(path.read_bytes()) for path in sorted(self.directory.glob("*.login"))]

    def stop(self):
        self.process.kill()
        self.process.wait(windlass.PATIENCE)
        self.process.stdout.close()
