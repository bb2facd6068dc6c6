"""The real server for one test module: a fresh data directory, free ports, and how an operator speaks to it.

Knows no device protocol; those belong to the clients that are tested.
"""

import base64
import json
import os
import pathlib
import secrets
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

BINARY = pathlib.Path(
    os.environ.get("WINDLASS_BINARY", pathlib.Path(__file__).parents[2] / "target/debug/windlass")
)
PATIENCE = 30.0


class Refused(Exception):
    """The server answered with a problem document."""

    def __init__(self, status, problem):
        super().__init__(f"{status} {problem}")
        self.status = status
        self.problem = problem


def eventually(question, patience=PATIENCE, what="the expected state"):
    """Asks until the answer is true, and returns it."""
    deadline = time.monotonic() + patience
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} was not reached within {patience} s; the last answer was {answer!r}")
        time.sleep(0.05)


class Server:
    """One node. `start` may be called again after `kill` or `stop`: the ports stay the same."""

    def __init__(self, directory, settings=None):
        self.directory = pathlib.Path(directory)
        self.settings = settings or {}
        self.password = secrets.token_urlsafe(18)
        self.process = None
        self.http_address = "127.0.0.1:0"
        self.mqtt_address = "127.0.0.1:0"
        self.token = None

    def start(self):
        password_file = self.directory / "password"
        password_file.write_text(self.password)
        ready = self.directory / "ready.json"
        ready.unlink(missing_ok=True)
        self.log = open(self.directory / "server.log", "ab")
        environment = {key: value for key, value in os.environ.items() if not key.startswith("WINDLASS_")}
        environment["WINDLASS_ADMIN_PASSWORD_FILE"] = str(password_file)
        environment.update(self.settings)
        self.process = subprocess.Popen(
            [BINARY, "serve", "--data", self.directory / "data", "--ready-file", ready]
            + ["--http", self.http_address, "--mqtt", self.mqtt_address],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )
        eventually(lambda: ready.exists() or self.process.poll() is not None, what="a server that is ready")
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended at once:\n{self.said()}")
        addresses = json.loads(ready.read_text())
        self.http = addresses["http"]
        self.http_address = urllib.parse.urlsplit(self.http).netloc
        self.mqtt_address = addresses["mqtt"][0]
        self.mqtt_port = int(self.mqtt_address.rsplit(":", 1)[1])
        if self.token is None:
            basic = base64.b64encode(f"admin:{self.password}".encode()).decode()
            made = self.call(
                "POST", "/tokens", {"name": "tests", "role": "admin"}, authorization=f"Basic {basic}"
            )
            self.token = made["secret"]
        return self

    def said(self):
        return (self.directory / "server.log").read_text(errors="replace")

    def kill(self):
        """The hard way: nothing is flushed, nobody is told."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def stop(self):
        """The polite way; the exit status must be 0."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                status = self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise
            assert status == 0, self.said()

    def call(self, method, path, body=None, authorization=None, headers=None):
        """A REST v1 request; the JSON of the answer, or `Refused`."""
        request = urllib.request.Request(f"{self.http}/api/v1{path}", method=method)
        request.add_header("Authorization", authorization or f"Bearer {self.token}")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        data = None
        if isinstance(body, bytes):
            data = body
            request.add_header("Content-Type", "application/octet-stream")
        elif body is not None:
            data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, data, timeout=PATIENCE) as response:
                text = response.read()
        except urllib.error.HTTPError as error:
            text = error.read()
            raise Refused(error.code, json.loads(text) if text else None) from None
        return json.loads(text) if text else None

    # What operators do before devices come.

    def ca_pem(self):
        with urllib.request.urlopen(f"{self.http}/api/v1/ca.pem", timeout=PATIENCE) as response:
            return response.read().decode()

    def template(self, name, device_type=None):
        """A template that names the device after its parameter SerialNumber."""
        thing = {"ThingName": {"Ref": "SerialNumber"}, "AttributePayload": {"site": {"Ref": "Site"}}}
        if device_type:
            thing["ThingTypeName"] = device_type
        body = {
            "Parameters": {"SerialNumber": {"Type": "String"}, "Site": {"Type": "String", "Default": "berlin"}},
            "Resources": {
                "thing": {"Type": "AWS::IoT::Thing", "Properties": thing},
                "certificate": {
                    "Type": "AWS::IoT::Certificate",
                    "Properties": {
                        "CertificateId": {"Ref": "AWS::IoT::Certificate::Id"},
                        "Status": "ACTIVE",
                    },
                },
            },
            "DeviceConfiguration": {"region": "eu"},
        }
        return self.call("PUT", f"/templates/{name}", {"body": body})

    def claim(self, name):
        """A claim certificate as an identity."""
        made = self.call("POST", "/claims", {"name": name})
        return Identity(made["certificatePem"], made["privateKeyPem"], made["caPem"])

    def device(self, name, **spec):
        """Registers a device and signs a request made with openssl, as for a device in an operator's hand."""
        self.call("POST", "/devices", {"name": name, **spec})
        key, csr = key_and_request(name)
        signed = self.call("POST", f"/devices/{name}/credentials", {"csr": csr})
        return Identity(signed["certificatePem"], key, signed["caPem"], signed["credential"]["id"])

    def release(self, name, version, content):
        """Uploads an artifact and makes a release of it."""
        artifact = self.call("POST", f"/artifacts?name={name}.bin", content)
        component = {"name": name, "version": version, "artifacts": [artifact["id"]]}
        self.call("POST", "/components", component)
        components = [{"name": name, "version": version}]
        self.call("POST", "/releases", {"name": name, "version": version, "components": components})
        return artifact

    def last_value(self, device, metric):
        for item in self.call("GET", f"/devices/{device}/telemetry")["items"]:
            if item["metric"] == metric:
                return item["value"]
        return None


class Identity:
    """A certificate, its key and the authority to trust, all in PEM."""

    def __init__(self, certificate, key, ca, credential=None):
        self.certificate = certificate
        self.key = key
        self.ca = ca
        self.credential = credential

    def files(self, directory):
        """Writes the three files that command line clients want."""
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in [("cert.pem", self.certificate), ("key.pem", self.key), ("ca.pem", self.ca)]:
            (directory / name).write_text(content)
        return directory


def openssl(*arguments, text=None):
    done = subprocess.run(["openssl", *arguments], input=text, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout


def key_and_request(common_name):
    """A P-256 key and a signing request, both in PEM."""
    key = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    csr = openssl("req", "-new", "-key", "/dev/stdin", "-subj", f"/CN={common_name}", text=key)
    return key, csr
