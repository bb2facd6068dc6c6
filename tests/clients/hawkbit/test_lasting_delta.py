"""Debian's swupdate with its delta handler: only the chunks that a device lacks come from the server, over a lasting link."""

import hashlib
import os
import random
import subprocess

import windlass

PATIENCE = 120


def start(*arguments, cwd, text=None, environment=None):
    return subprocess.run(
        [str(argument) for argument in arguments], cwd=cwd, input=text, capture_output=True, text=True,
        timeout=PATIENCE, env={**os.environ, **(environment or {})},
    )  # fmt: skip


def run(*arguments, cwd, text=None):
    done = start(*arguments, cwd=cwd, text=text)
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def install(swu, directory):
    """Installs a file as `swupdate -i` does.

    SWUpdate asks its own installer how it fares; asked before it began, it takes "idle" for the end, says that it was
    successful and exits with 1. Nothing was installed then, so it is started again; any other failure is one.
    """
    command = ["swupdate", "-v", "-M", "-m", "-k", directory / "sign.pem", "-H", "board:1.0", "-i", swu]
    for _ in range(5):
        done = start(*command, cwd=directory, environment={"TMPDIR": str(directory)})
        said = done.stdout + done.stderr
        if done.returncode == 0 or "was successful" not in said:
            break
    assert done.returncode == 0, said


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


def test_only_the_changed_chunks_are_fetched_and_the_header_is_vouched_for(server, tmp_path):
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
    swu = image(tmp_path, "2.0.0", zck[:header_size], server.http + link, source, destination)

    # The server takes both for a device type that wants signed software only.
    server.call("PUT", "/types/board", {"signers": [certificate], "requireSignature": True})
    signed = server.call("POST", "/artifacts?name=delta.swu", swu.read_bytes())
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

    install(swu, tmp_path)
    assert destination.read_bytes() == bytes(changed)
    sent = server.call("GET", f"/artifacts/{artifact['id']}/link")["sentBytes"]
    assert 0 < sent < len(zck) / 2, f"{sent} of {len(zck)} bytes"
