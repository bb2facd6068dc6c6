"""Bundles made by `rauc` itself: what the server reads of them, and whose signatures it takes."""

import random
import subprocess

import pytest

import windlass

PATIENCE = 60
# More than 128 blocks: its hash tree has two levels.
IMAGE = random.Random(11).randbytes(800_000)


class Signer:
    """A key, and a certificate that says whose it is."""

    def __init__(self, directory, name):
        self.key, self.certificate = directory / f"{name}.key.pem", directory / f"{name}.pem"
        windlass.openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/CN={name}",
            "-keyout", str(self.key), "-out", str(self.certificate),
        )  # fmt: skip

    def bundle(self, directory, kind, version):
        """The bytes of a bundle of the format `kind`."""
        content = directory / f"content-{kind}-{version}"
        content.mkdir(exist_ok=True)
        (content / "rootfs.img").write_bytes(IMAGE)
        (content / "manifest.raucm").write_text(
            f"[update]\ncompatible=Test Platform\nversion={version}\n\n[bundle]\nformat={kind}\n\n"
            "[image.rootfs]\nfilename=rootfs.img\n"
        )
        made = directory / f"{self.certificate.stem}-{kind}-{version}.raucb"
        done = subprocess.run(
            ["rauc", "--cert", self.certificate, "--key", self.key, "bundle", content, made],
            capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return made.read_bytes()


@pytest.fixture(scope="module")
def signers(server, tmp_path_factory):
    """The one that devices of the type `board` trust, and another."""
    directory = tmp_path_factory.mktemp("signers")
    trusted, other = Signer(directory, "release key"), Signer(directory, "somebody else")
    terms = {"signers": [trusted.certificate.read_text()], "requireSignature": True}
    server.call("PUT", "/types/board", terms)
    return trusted, other


def upload(server, name, content):
    return server.call("POST", f"/artifacts?name={name}", content)


def release(server, version, artifact):
    server.call("POST", "/components", {"name": "os", "version": version, "artifacts": [artifact["id"]]})
    of_it = [{"name": "os", "version": version}]
    return server.call(
        "POST", "/releases", {"name": "os", "version": version, "deviceTypes": ["board"], "components": of_it}
    )


def test_a_verity_bundle_says_what_it_is_for_and_who_signed_it(server, signers, tmp_path):
    artifact = upload(server, "verity.raucb", signers[0].bundle(tmp_path, "verity", "2026.11"))
    content = artifact["content"]
    assert (content["format"], content["version"], content["compatible"]) == ("rauc", "2026.11", ["Test Platform"])
    assert [one["name"] for one in content["components"]] == ["rootfs"]
    assert (content["signature"], content["signedBy"]) == ("valid", "release key")
    release(server, "2026.11", artifact)


def test_a_plain_bundle_is_taken_by_its_signature(server, signers, tmp_path):
    artifact = upload(server, "plain.raucb", signers[0].bundle(tmp_path, "plain", "2026.12"))
    content = artifact["content"]
    assert (content["format"], content["signature"], content["signedBy"]) == ("rauc", "valid", "release key")
    release(server, "2026.12", artifact)


def test_the_payload_of_a_crypt_bundle_is_held_against_its_manifest(server, signers, tmp_path):
    artifact = upload(server, "crypt.raucb", signers[0].bundle(tmp_path, "crypt", "2027.1"))
    content = artifact["content"]
    assert (content["format"], content["version"], content["signature"]) == ("rauc", "2027.1", "valid")


@pytest.mark.parametrize("kind", ["plain", "verity"])
def test_a_bundle_of_another_signer_is_kept_but_not_released(server, signers, tmp_path, kind):
    artifact = upload(server, f"other-{kind}.raucb", signers[1].bundle(tmp_path, kind, f"9-{kind}"))
    assert (artifact["content"]["signature"], artifact["content"]["signedBy"]) == ("untrusted", "somebody else")
    with pytest.raises(windlass.Refused) as refused:
        release(server, f"9-{kind}", artifact)
    assert f"other-{kind}.raucb" in str(refused.value.problem)


@pytest.mark.parametrize(
    ("kind", "place"),
    [("plain", 1000), ("plain", -300), ("verity", -300), ("verity", 1000), ("verity", 700_000), ("crypt", 700_000)],
    ids=lambda value: str(value),
)
def test_a_bundle_that_was_changed_after_it_was_signed_is_refused(server, signers, tmp_path, kind, place):
    changed = bytearray(signers[0].bundle(tmp_path, kind, "3"))
    changed[place] ^= 1
    with pytest.raises(windlass.Refused) as refused:
        upload(server, f"changed-{kind}.raucb", bytes(changed))
    assert refused.value.status == 400


@pytest.mark.parametrize("kind", ["plain", "verity"])
def test_a_bundle_that_was_cut_is_refused(server, signers, tmp_path, kind):
    whole = signers[0].bundle(tmp_path, kind, "4")
    with pytest.raises(windlass.Refused) as refused:
        upload(server, f"cut-{kind}.raucb", whole[:-1000])
    assert refused.value.status == 400
