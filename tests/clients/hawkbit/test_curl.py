"""curl on hawkBit's device interface, on both ports: proofs, bodies as clients send them, and ranges as they ask for them."""

import json
import os
import subprocess

import pytest
import windlass

PATIENCE = 30


def curl(*arguments, data=None):
    """Runs curl; (status, headers, body)."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--include", "--max-time", str(PATIENCE), *map(str, arguments)],
        input=data, capture_output=True, timeout=PATIENCE + 5,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    while head.startswith(b"HTTP/1.1 100"):
        head, _, body = body.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return int(lines[0].split()[1]), headers, body


class Port:
    """One way to ask as the device `board`."""

    def __init__(self, base, proof):
        self.base = f"{base}/DEFAULT/controller/v1/board"
        self.proof = proof

    def __call__(self, rest, *arguments, data=None):
        url = rest if rest.startswith("http") else self.base + rest
        return curl(*self.proof, *arguments, url, data=data)

    def document(self, rest):
        status, headers, body = self(rest)
        assert status == 200, body
        assert "transfer-encoding" not in headers and int(headers["content-length"]) == len(body)
        return json.loads(body)

    def says(self, action, execution, finished, *arguments):
        body = {"id": action, "status": {"execution": execution, "result": {"finished": finished}, "details": ["said"]}}
        kind = ["--header", "Content-Type: application/json"]
        text = json.dumps(body).encode()
        return self(f"/deploymentBase/{action}/feedback", *kind, *arguments, "--data-binary", "@-", data=text)[0]


@pytest.fixture(scope="module")
def ports(server, tmp_path_factory):
    identity = server.device("board")
    directory = identity.files(tmp_path_factory.mktemp("board"))
    values = {"authentication.targettoken.enabled": True}
    server.call("PUT", "/settings/hawkbit", {"values": values})
    token = server.call("PUT", "/devices/board/token", {})["token"]
    by_token = ["--header", f"Authorization: TargetToken {token}"]
    tls = ["--cacert", directory / "ca.pem"]
    by_certificate = [*tls, "--cert", directory / "cert.pem", "--key", directory / "key.pem"]
    device_port = f"https://localhost:{server.mqtt_port}"
    return {
        "console": Port(server.http, by_token),
        "device, certificate": Port(device_port, by_certificate),
        "device, token": Port(device_port, [*tls, *by_token]),
    }


KINDS = ["console", "device, certificate", "device, token"]


@pytest.fixture(scope="module")
def image():
    return os.urandom(1_000_000)


_count = iter(range(1_000))


def assign(server, image):
    """Rolls a release out to the board; the action's number."""
    version = f"{next(_count)}.0"
    artifact = server.call("POST", f"/artifacts?name=image-{version}.bin", image + version.encode())
    named = {"name": "image", "version": version}
    server.call("POST", "/components", {**named, "type": "os", "artifacts": [artifact["id"]]})
    server.call("POST", "/releases", {**named, "components": [named]})
    job = server.call("POST", "/jobs", {"kind": "update", "release": named, "targets": {"devices": ["board"]}})
    import windlass

    items = windlass.eventually(lambda: server.call("GET", f"/jobs/{job['id']}/executions")["items"])
    return job["id"], items[0]["id"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_action_goes_from_offer_to_end_on_every_port(server, ports, image, kind):
    port = ports[kind]
    job, action = assign(server, image)
    link = port.document("")["_links"]["deploymentBase"]["href"]
    assert link.startswith(f"{port.base}/deploymentBase/{action}?c=")
    artifact = port.document(f"/deploymentBase/{action}")["deployment"]["chunks"][0]["artifacts"][0]
    status, headers, body = port(artifact["_links"]["download-http"]["href"])
    assert status == 200 and body[:-3] == image
    assert headers["etag"] == f'"{artifact["hashes"]["sha1"]}"'
    assert port.says(action, "proceeding", "none") == 200
    assert port.says(action, "closed", "success", "--header", "Transfer-Encoding: chunked") == 200
    assert port.says(action, "closed", "success") == 410
    state = server.call("GET", f"/jobs/{job}/executions")["items"][0]["state"]
    assert state == "succeeded"


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_that_is_announced_before_it_is_sent_is_asked_for(server, ports, kind):
    body = json.dumps({"mode": None, "data": {"serial": kind}, "id": "", "time": "", "status": {}}).encode()
    expect = ["--header", "Expect: 100-continue", "--header", "Content-Type: application/json"]
    assert ports[kind]("/configData", "--request", "PUT", *expect, "--data-binary", "@-", data=body)[0] == 200
    assert server.call("GET", "/devices/board")["inventory"]["serial"] == kind


@pytest.mark.parametrize("kind", KINDS)
def test_ranges_resume_and_come_in_one_body(server, ports, image, kind):
    port = ports[kind]
    _, action = assign(server, image)
    artifact = port.document(f"/deploymentBase/{action}")["deployment"]["chunks"][0]["artifacts"][0]
    url, size = artifact["_links"]["download"]["href"], artifact["size"]
    status, headers, body = port(url, "--range", "999999-")
    assert (status, headers["content-range"], len(body)) == (206, f"bytes 999999-{size - 1}/{size}", size - 999_999)
    status, headers, _ = port(url, "--range", f"{size}-")
    assert (status, headers["content-range"]) == (416, f"bytes */{size}"), "nothing is left"
    assert port(url, "--range", "0-10,5-20")[0] == 416, "they overlap"
    wanted = [(at * 3_000, at * 3_000 + 99) for at in range(300)]
    status, headers, body = port(url, "--range", ",".join(f"{first}-{last}" for first, last in wanted))
    assert status == 206 and int(headers["content-length"]) == len(body)
    boundary = headers["content-type"].partition("boundary=")[2].encode()
    parts = body.split(b"\r\n--" + boundary)[1:]
    assert len(parts) == 301 and parts[-1] == b"--\r\n"
    for (first, last), part in zip(wanted, parts):
        head, _, content = part.partition(b"\r\n\r\n")
        assert f"bytes {first}-{last}/{size}".encode() in head
        assert content == image[first : last + 1]
    status, headers, body = port(url, "--head")
    assert (status, headers["content-length"], body) == (200, str(size), b"")
    assert port.says(action, "closed", "failure") == 200


def test_a_certificate_of_another_device_and_no_proof_at_all_are_refused(server, ports, tmp_path):
    other = server.device("other").files(tmp_path / "other")
    base = f"https://localhost:{server.mqtt_port}/DEFAULT/controller/v1"
    trust = ["--cacert", other / "ca.pem"]
    own = [*trust, "--cert", other / "cert.pem", "--key", other / "key.pem"]
    assert curl(*own, f"{base}/other")[0] == 200
    for arguments in ([*own, f"{base}/board"], [*trust, f"{base}/board"], [*trust, f"{base}/nobody"]):
        status, _, body = curl(*arguments)
        assert (status, body) == (401, b"")


def test_a_certificate_of_the_fleets_own_authority_brings_its_device_in(server, tmp_path):
    (tmp_path / "ca.pem").write_text(server.ca_pem())
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]
    authority, authority_key = tmp_path / "fleet.pem", tmp_path / "fleet.key"
    ca = ["-x509", "-subj", "/CN=Fleet CA", "-days", "2", "-addext", "keyUsage=critical,keyCertSign"]
    windlass.openssl("req", *curve, *ca, "-keyout", str(authority_key), "-out", str(authority))
    certificate, key, usage = tmp_path / "own.pem", tmp_path / "own.key", tmp_path / "usage"
    usage.write_text("extendedKeyUsage=clientAuth\n")
    request = windlass.openssl("req", *curve, "-new", "-subj", "/CN=fleet-1", "-keyout", str(key))
    signer = ["-CA", str(authority), "-CAkey", str(authority_key), "-CAcreateserial", "-extfile", str(usage)]
    windlass.openssl("x509", "-req", *signer, "-days", "1", "-out", str(certificate), text=request)
    own = ["--cacert", tmp_path / "ca.pem", "--cert", certificate, "--key", key]
    base = f"https://localhost:{server.mqtt_port}/DEFAULT/controller/v1"
    assert curl(*own, f"{base}/fleet-1")[0] == 401, "nobody is trusted by default"
    values = {"authentication.certificate.authorities": authority.read_text()}
    server.call("PUT", "/settings/hawkbit", {"values": values})
    assert curl(*own, f"{base}/fleet-1")[0] == 200
    assert server.call("GET", "/devices/fleet-1")["lifecycle"] == "active"
    status, _, body = curl(*own, f"{base}/fleet-2")
    assert (status, body) == (401, b"")
    shadow = f"https://localhost:{server.mqtt_port}/things/fleet-1/shadow"
    assert curl(*own, shadow)[0] == 403, "it is good for hawkBit's interface only"
