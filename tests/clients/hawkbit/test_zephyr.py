"""Zephyr's hawkBit client as it is on the wire: its requests byte for byte, in the pieces in which they leave, and its limits.

The client itself is part of an image for a board. What is kept to here is what its sources say: one connection for each
probe, no `Accept`, no `User-Agent`, heads in pieces of 192 bytes, bodies behind them, answers that need a length, and
buffers of fixed sizes.
"""

import hashlib
import json
import os
import socket
import ssl

import pytest

import windlass

BOARD = "frdm_k64f-" + "3c0043000c504b5737363620"
PIECE, RECEIVE = 192, 640
KIND = "application/json;charset=UTF-8"


class Answer:
    def __init__(self, status, reason, headers, body):
        self.status, self.reason, self.headers, self.body = status, reason, headers, body


class Connection:
    """One connection: what is asked on it is asked one after the other."""

    def __init__(self, address, host, trust=None):
        self.host = f"{host}:{address.rsplit(':', 1)[1]}"
        self.socket = socket.create_connection((host, int(address.rsplit(":", 1)[1])), timeout=windlass.PATIENCE)
        if trust:
            # mbedTLS as Zephyr builds it: TLS 1.2, the name of the server, no ALPN.
            context = ssl.create_default_context(cafile=str(trust))
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            self.socket = context.wrap_socket(self.socket, server_hostname=host)

    def ask(self, method, path, token, body=None, more=""):
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\nAuthorization: TargetToken {token}\r\n{more}"
        if body is not None:
            head += f"Content-Type: {KIND}\r\nContent-Length: {len(body)}\r\n"
        head = (head + "\r\n").encode()
        for at in range(0, len(head), PIECE):
            self.socket.sendall(head[at : at + PIECE])
        if body is not None:
            self.socket.sendall(body.encode())
        return self.read()

    def read(self):
        """Reads as the client does: nothing counts but the length that was announced."""
        got = b""
        while b"\r\n\r\n" not in got:
            piece = self.socket.recv(RECEIVE)
            assert piece, "the server closed the connection"
            got += piece
        head, _, body = got.partition(b"\r\n\r\n")
        assert len(head) < RECEIVE, "the head fits into one buffer"
        first, *lines = head.decode().split("\r\n")
        protocol, status, reason = first.split(" ", 2)
        assert protocol == "HTTP/1.1"
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        assert "transfer-encoding" not in headers
        length = int(headers["content-length"])
        while len(body) < length:
            piece = self.socket.recv(RECEIVE)
            assert piece, "the body ended early"
            body += piece
        assert len(body) == length
        return Answer(int(status), reason, headers, body)

    def close(self):
        self.socket.close()


def compact(value):
    return json.dumps(value, separators=(",", ":"))


class Board:
    """What the client keeps, and one probe."""

    def __init__(self, port, token):
        self.port, self.token = port, token
        self.base = f"/DEFAULT/controller/v1/{BOARD}"
        self.installed = None
        self.image = b""

    def probe(self, stop_after=None):
        """`stop_after`: so many bytes of the image are read, then the power fails."""
        line = Connection(*self.port)
        try:
            return self._probe(line, stop_after)
        finally:
            line.close()

    def _probe(self, line, stop_after):
        poll = self._document(line, self.base)
        assert len(poll["config"]["polling"]["sleep"]) == 8
        links = {name: link["href"] for name, link in poll.get("_links", {}).items()}
        if "cancelAction" in links:
            tail = links["cancelAction"][links["cancelAction"].index("cancelAction/") :]
            assert len(tail) < 50
            action = tail.split("/")[1]
            assert int(action) > 0
            body = compact({"id": action, "time": "", "status": status("closed", "success")})
            self._tell(line, "POST", f"{self.base}/{tail}/feedback", body)
            return "cancelled"
        if "configData" in links:
            data = {"VIN": BOARD.split("-")[1], "hwRevision": "3"}
            body = compact({"mode": "merge", "data": data, "id": "", "time": "", "status": status("closed", "success")})
            self._tell(line, "PUT", f"{self.base}/configData", body)
        if "deploymentBase" not in links:
            return "no update"
        tail = links["deploymentBase"][links["deploymentBase"].index("deploymentBase/") :]
        assert len(tail) < 50
        document = self._document(line, f"{self.base}/{tail}")
        action = int(document["id"])
        (chunk,) = document["deployment"]["chunks"]
        assert chunk["part"] == "bApp"
        (artifact,) = chunk["artifacts"]
        assert set(artifact["hashes"]) == {"sha1", "md5", "sha256"} and isinstance(artifact["size"], int)
        href = artifact["_links"]["download-http"]["href"]
        path = href[href.index("/DEFAULT/controller/v1") :]
        assert len(path) < 200
        if action == self.installed:
            body = compact({"id": str(action), "status": status("closed", "success")})
            self._tell(line, "POST", f"{self.base}/deploymentBase/{action}/feedback", body)
            return "already updated"
        if stop_after:
            whole = line.ask("GET", path, self.token)
            self.image = whole.body[:stop_after]
            return "power failed"
        more = f"Range: bytes={len(self.image)}-\r\n" if self.image else ""
        answer = line.ask("GET", path, self.token, more=more)
        if self.image:
            rest = f"bytes {len(self.image)}-{artifact['size'] - 1}/{artifact['size']}"
            assert (answer.status, answer.headers["content-range"]) == (206, rest)
        else:
            assert (answer.status, answer.reason) == (200, "OK")
        self.image += answer.body
        assert hashlib.sha256(self.image).hexdigest() == artifact["hashes"]["sha256"]
        self.installed = action
        return "installed"

    def _document(self, line, path):
        answer = line.ask("GET", path, self.token)
        assert (answer.status, answer.reason) == (200, "OK"), answer.body
        document = json.loads(answer.body)
        assert answer.body.decode() == json.dumps(document, separators=(",", ":"), ensure_ascii=False), "no white space"
        return document

    def _tell(self, line, method, path, body):
        answer = line.ask(method, path, self.token, body)
        assert (answer.status, answer.reason) == (200, "OK"), answer.body


def status(execution, finished):
    return {"execution": execution, "result": {"finished": finished}}


@pytest.fixture(scope="module")
def hub(server):
    server.call("PUT", "/settings/hawkbit", {"values": {"authentication.targettoken.enabled": True}})
    server.call("POST", "/devices", {"name": BOARD})
    server.board_token = server.call("PUT", f"/devices/{BOARD}/token", {})["token"]
    return server


@pytest.fixture(params=["console port", "device port"])
def board(request, hub, tmp_path):
    if request.param == "console port":
        return Board((hub.http_address, "127.0.0.1"), hub.board_token)
    trust = tmp_path / "ca.pem"
    trust.write_text(hub.ca_pem())
    return Board((hub.mqtt_address, "localhost", trust), hub.board_token)


_count = iter(range(1, 1000))


def assign(hub, image):
    """Rolls an image out to the board; how its execution stands, when asked."""
    named = {"name": "zephyr", "version": f"1.{next(_count)}.0"}
    artifact = hub.call("POST", f"/artifacts?name=zephyr.signed-{named['version']}.bin", image)
    hub.call("POST", "/components", {**named, "type": "application", "artifacts": [artifact["id"]]})
    hub.call("POST", "/releases", {**named, "components": [named]})
    job = hub.call("POST", "/jobs", {"kind": "update", "release": named, "targets": {"devices": [BOARD]}})["id"]
    execution = lambda: hub.call("GET", f"/jobs/{job}/executions")["items"]  # noqa: E731
    windlass.eventually(execution, what="an offer")
    return lambda: execution()[0]


def test_a_board_is_updated_and_confirms_at_the_probe_after_its_restart(hub, board):
    board.probe()
    assert hub.call("GET", f"/devices/{BOARD}")["inventory"] == {"VIN": BOARD.split("-")[1], "hwRevision": "3"}
    assert board.probe() == "no update"
    image = os.urandom(300_000)
    standing = assign(hub, image)
    assert board.probe() == "installed"
    assert board.image == image
    assert standing()["state"] in ("queued", "inProgress"), "nothing was said yet"
    assert board.probe() == "already updated"
    assert standing()["state"] == "succeeded"
    assert board.probe() == "no update"


def test_a_download_that_was_cut_is_asked_for_from_where_it_ended(hub, board):
    image = os.urandom(200_000)
    standing = assign(hub, image)
    assert board.probe(stop_after=70_000) == "power failed"
    assert board.probe() == "installed"
    assert board.image == image
    assert board.probe() == "already updated"
    assert standing()["state"] == "succeeded"


def test_a_cancelation_is_agreed_to_without_being_read(hub, board):
    standing = assign(hub, b"an image")
    assert board.probe(stop_after=4) == "power failed"
    hub.call("POST", f"/executions/{standing()['id']}/cancel", {})
    assert board.probe() == "cancelled"
    assert standing()["state"] == "canceled"
    assert board.probe() == "no update"
