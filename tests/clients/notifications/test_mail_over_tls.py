"""Mail over TLS to a mail server that others wrote: STARTTLS and TLS from the first byte, with a login, and never without."""

import json
import urllib.request

import pytest

import receiver
import windlass
from windlass import openssl

KINDS = ["starttls", "smtps"]
HOW = {"starttls": "starttls", "smtps": "tls"}
PASSWORD = "correct horse"


class Authority:
    """An authority for mail servers, with nothing else to do."""

    def __init__(self, directory, name):
        self.key, self.certificate = directory / f"{name}.key.pem", directory / f"{name}.cert.pem"
        openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE",
            "-keyout", str(self.key), "-out", str(self.certificate),
        )  # fmt: skip

    def certify(self, directory, name="DNS:localhost"):
        """The key and certificate that a receiver shows from its next start on."""
        directory.mkdir(exist_ok=True)
        openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=mail", "-addext", "basicConstraints=critical,CA:FALSE",
            "-addext", f"subjectAltName={name}", "-CA", str(self.certificate), "-CAkey", str(self.key),
            "-keyout", str(directory / "key.pem"), "-out", str(directory / "cert.pem"),
        )  # fmt: skip


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ours"), "ours")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("theirs"), "theirs")


@pytest.fixture
def ended():
    """What a test started, ended in the reverse order."""
    started = []
    yield started
    for one in reversed(started):
        one.stop()


def serve(ended, directory, port, how, ca=None, password=PASSWORD):
    """A server that sends its mail to `localhost` at `port`, and has one channel for mail."""
    (directory / "smtp-password").write_text(f"{password}\n")
    settings = {
        "WINDLASS_SMTP__HOST": "localhost",
        "WINDLASS_SMTP__PORT": str(port),
        "WINDLASS_SMTP__TLS": how,
        "WINDLASS_SMTP__USER": "windlass",
        "WINDLASS_SMTP__PASSWORD_FILE": str(directory / "smtp-password"),
        "WINDLASS_SMTP__FROM": "Windlass <windlass@example.com>",
    }
    if ca:
        settings["WINDLASS_SMTP__CA_FILE"] = str(ca.certificate)
    node = windlass.Server(directory, settings)
    node.start()
    ended.append(node)
    node.call("PUT", "/notifications/mail", {"kind": "email", "to": ["ops@example.com"]})
    return node


def listen(ended, kind, directory, port=0):
    started = receiver.Process(kind, directory, port)
    ended.append(started)
    return started


def stop_a_rollout(node):
    """A job that no failure is allowed in, and a device that fails it."""
    node.call("PUT", "/settings/hawkbit", {"values": {"authentication.targettoken.enabled": True}})
    node.call("POST", "/devices", {"name": "board"})
    token = node.call("PUT", "/devices/board/token", {})["token"]
    node.release("os", "1.0", b"an image")
    release = {"name": "os", "version": "1.0"}
    body = {"kind": "update", "release": release, "targets": {"devices": ["board"]}, "failureThreshold": {"count": 0}}
    job = node.call("POST", "/jobs", body)["id"]
    offered = lambda: node.call("GET", f"/jobs/{job}/executions")["items"]  # noqa: E731
    action = windlass.eventually(offered, what="an offer")[0]["id"]
    word = {"id": action, "status": {"execution": "closed", "result": {"finished": "failure"}}}
    request = urllib.request.Request(
        f"{node.http}/DEFAULT/controller/v1/board/deploymentBase/{action}/feedback", json.dumps(word).encode()
    )
    request.add_header("Authorization", f"TargetToken {token}")
    request.add_header("Content-Type", "application/json")
    urllib.request.urlopen(request, timeout=windlass.PATIENCE).close()
    return job


@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_goes_sealed_and_after_a_login(ended, ours, tmp_path, kind):
    ours.certify(tmp_path / kind)
    mailbox = listen(ended, kind, tmp_path)
    node = serve(ended, tmp_path, mailbox.port, HOW[kind], ours)
    tested = node.call("POST", "/notifications/mail/test")
    assert tested["outcome"] == "delivered", tested
    job = stop_a_rollout(node)
    mails = windlass.eventually(lambda: len(mailbox.mails()) == 2 and mailbox.mails(), what="two mails")
    assert [mail["Subject"] for mail in mails] == ["Windlass: a test", f"[error] Rollout {job} stopped"]
    assert {(mail["X-Sealed"], mail["X-Envelope-To"]) for mail in mails} == {("yes", "ops@example.com")}
    assert mailbox.logins() and all(login == {"user": "windlass", "sealed": "yes"} for login in mailbox.logins())
    assert PASSWORD not in node.said()


@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_of_nobody_trusted_gets_neither_mail_nor_login_and_the_mail_waits(
    ended, ours, theirs, tmp_path, kind
):
    theirs.certify(tmp_path / kind)
    mailbox = listen(ended, kind, tmp_path)
    node = serve(ended, tmp_path, mailbox.port, HOW[kind], ours)
    tested = node.call("POST", "/notifications/mail/test")
    assert tested["outcome"] == "failed" and "smtp.ca_file" in tested["detail"], tested
    job = stop_a_rollout(node)

    def tried():
        items = node.call("GET", "/notifications/mail/deliveries")["items"]
        return [one for one in items if one["event"] == "opened" and one.get("lastError")]

    (waiting,) = windlass.eventually(tried, what="a try that failed")
    assert waiting["state"] == "waiting" and "smtp.ca_file" in waiting["lastError"], waiting
    assert (mailbox.mails(), mailbox.logins()) == ([], []), "nothing was said in the clear"
    mailbox.stop()
    ended.remove(mailbox)
    ours.certify(tmp_path / kind)
    mailbox = listen(ended, kind, tmp_path, mailbox.port)
    node.stop()
    node.start()
    (mail,) = windlass.eventually(mailbox.mails, 90, "the mail that waited")
    assert (mail["Subject"], mail["X-Sealed"]) == (f"[error] Rollout {job} stopped", "yes")
    assert mail["Message-ID"] == f"<{waiting['messageId']}@example.com>"


@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_for_another_name_is_refused_and_says_so(ended, ours, tmp_path, kind):
    ours.certify(tmp_path / kind, "DNS:mail.example.com")
    mailbox = listen(ended, kind, tmp_path)
    node = serve(ended, tmp_path, mailbox.port, HOW[kind], ours)
    tested = node.call("POST", "/notifications/mail/test")
    assert tested["outcome"] == "failed" and "localhost" in tested["detail"], tested
    assert "smtp.host" in tested["detail"], tested
    assert (mailbox.mails(), mailbox.logins()) == ([], [])


def test_a_mail_server_without_starttls_gets_neither_mail_nor_login(ended, tmp_path):
    mailbox = listen(ended, "smtp", tmp_path)
    node = serve(ended, tmp_path, mailbox.port, "starttls")
    tested = node.call("POST", "/notifications/mail/test")
    assert tested["outcome"] == "failed" and "STARTTLS" in tested["detail"], tested
    assert (mailbox.mails(), mailbox.logins()) == ([], [])


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_password_is_told_in_the_mail_servers_words(ended, ours, tmp_path, kind):
    ours.certify(tmp_path / kind)
    mailbox = listen(ended, kind, tmp_path)
    node = serve(ended, tmp_path, mailbox.port, HOW[kind], ours, password="guessed")
    tested = node.call("POST", "/notifications/mail/test")
    assert tested["outcome"] == "failed" and "535" in tested["detail"], tested
    assert "guessed" not in tested["detail"] + node.said()
    assert mailbox.mails() == [] and {login["sealed"] for login in mailbox.logins()} == {"yes"}
