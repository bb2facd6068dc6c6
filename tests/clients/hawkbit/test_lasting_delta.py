"""Debian's swupdate with its delta handler: only the chunks that a device lacks come from the server, over a lasting link."""

import hashlib
import random
import subprocess
import types

import pytest

import swu
import windlass

PATIENCE = 120


def run(*arguments, cwd, text=None):
    done = subprocess.run(
        [str(argument) for argument in arguments], cwd=cwd, input=text, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def signer(directory):
    run(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=Delta signer",
        "-addext", "extendedKeyUsage=emailProtection", "-addext", "keyUsage=digitalSignature",
        "-keyout", "sign.key", "-out", "sign.pem", cwd=directory,
    )  # fmt: skip
    return (directory / "sign.pem").read_text()


def image(directory, version, header, url, source, destination):
    """A signed .swu with nothing but the header of the new image."""
    digest = hashlib.sha256(header).hexdigest()
    (directory / "image.header").write_bytes(header)
    (directory / "sw-description").write_text(f"""
software =
{{
    version = "{version}";
    hardware-compatibility: [ "1.0" ];
    images: (
        {{ filename = "image.header"; type = "delta"; device = "{destination}"; sha256 = "{digest}";
          properties: {{ url = "{url}"; chain = "raw"; source = "{source}"; zckloglevel = "error"; max-ranges = "20"; }}; }}
    );
}}
""")
    run(
        "openssl", "cms", "-sign", "-in", "sw-description", "-out", "sw-description.sig", "-signer", "sign.pem",
        "-inkey", "sign.key", "-outform", "DER", "-nosmimecap", "-binary", cwd=directory,
    )  # fmt: skip
    members = "sw-description\nsw-description.sig\nimage.header\n"
    run("cpio", "-o", "-H", "crc", "--quiet", "-F", "delta.swu", cwd=directory, text=members)
    return directory / "delta.swu"


@pytest.fixture
def clients():
    """Ends every client that the test began, however it ends."""
    begun = []
    yield begun
    for client in begun:
        client.stop()


def test_only_the_changed_chunks_are_fetched_and_the_header_is_vouched_for(server, clients, tmp_path):
    dice = random.Random(7)
    old = dice.randbytes(8 * 1024 * 1024)
    changed = bytearray(old)
    for place in range(0, len(changed), 1024 * 1024):
        changed[place : place + 2000] = dice.randbytes(2000)
    source, destination, new = tmp_path / "old.img", tmp_path / "device", tmp_path / "new.img"
    source.write_bytes(old)
    new.write_bytes(changed)
    destination.write_bytes(b"\0" * len(changed))
    run("zck", "--output", "new.zck", "-u", "--chunk-hash-type", "sha256", new, cwd=tmp_path)
    zck = (tmp_path / "new.zck").read_bytes()

    artifact = server.call("POST", "/artifacts?name=new.zck", zck)
    assert artifact["content"]["format"] == "zchunk"
    header_size = artifact["content"]["zchunk"]["headerSize"]
    said = run("zck_read_header", "-v", "new.zck", cwd=tmp_path)
    assert f"Header size: {header_size}" in " ".join(said.split()), said
    (tmp_path / "new.zhr").write_bytes(b"\0ZHR1" + zck[5:header_size])
    run("zck_read_header", "new.zhr", cwd=tmp_path)
    detached = server.call("POST", "/artifacts?name=new.zhr", (tmp_path / "new.zhr").read_bytes())
    assert detached["content"]["zchunk"]["headerSize"] == header_size
    link = server.call("PUT", f"/artifacts/{artifact['id']}/link", {})["path"]
    certificate = signer(tmp_path)
    package = image(tmp_path, "2.0.0", zck[:header_size], server.http + link, source, destination)

    # The server takes both for a device type that wants signed software only.
    server.call("PUT", "/types/board", {"signers": [certificate], "requireSignature": True})
    signed = server.call("POST", "/artifacts?name=delta.swu", package.read_bytes())
    assert (signed["content"]["signature"], signed["content"]["signedBy"]) == ("valid", "Delta signer")
    component = {"name": "os", "version": "2.0.0", "artifacts": [signed["id"], artifact["id"]]}
    server.call("POST", "/components", component)
    release = {"name": "os", "version": "2.0.0", "deviceTypes": ["board"]}
    server.call("POST", "/releases", {**release, "components": [{"name": "os", "version": "2.0.0"}]})
    other = server.call("POST", "/artifacts?name=unsigned.bin", b"bytes")
    server.call("POST", "/components", {"name": "os", "version": "3.0.0", "artifacts": [other["id"]]})
    try:
        server.call("POST", "/releases", {**release, "version": "3.0.0", "components": [{"name": "os", "version": "3.0.0"}]})
        raise AssertionError("unsigned software was released")
    except windlass.Refused as refused:
        assert "unsigned.bin" in str(refused.problem)

    # A device of the type is offered both by a job, and its client asks for what it lacks.
    server.call("PUT", "/settings/hawkbit", {"values": {"authentication.targettoken.enabled": True}})
    server.call("POST", "/devices", {"name": "board-1", "type": "board"})
    token = server.call("PUT", "/devices/board-1/token", {})["token"]
    job = server.call(
        "POST", "/jobs",
        {"kind": "update", "release": {"name": "os", "version": "2.0.0"}, "targets": {"devices": ["board-1"]}},
    )["id"]  # fmt: skip
    link_of_the_device = swu.Narrow(server)
    signer_of_the_device = types.SimpleNamespace(certificate=tmp_path / "sign.pem")
    client = swu.Client(tmp_path / "client", link_of_the_device.url, "board-1", token, signer_of_the_device)
    clients.append(client.start())

    def seen(question, what):
        try:
            return windlass.eventually(question, PATIENCE, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{client.said()[-6000:]}") from None

    seen(lambda: destination.read_bytes() == bytes(changed), "the new image")
    seen(lambda: "Update successful" in client.said(), "the end of the installation")
    sent = server.call("GET", f"/artifacts/{artifact['id']}/link")["sentBytes"]
    assert 0 < sent < len(zck) / 2, f"{sent} of {len(zck)} bytes"
    downloads = [text.split("\r\n")[0] for text in link_of_the_device.asked if text.startswith("GET ")]
    assert any("/delta.swu " in line for line in downloads), "the package came from the job"
    assert not any("/new.zck" in line for line in downloads), f"the whole image was asked for: {downloads}"

    client.stop()
    clients.append(client.start("-c", "2"))

    def ended():
        items = server.call("GET", f"/jobs/{job}/executions")["items"]
        return items and items[0]["state"] == "succeeded" and items[0]

    done = seen(ended, "a job that succeeded")
    assert done["verdict"] == "unverifiable", done
    link_of_the_device.close()
