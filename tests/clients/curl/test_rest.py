"""curl against REST v1, the HTTPS twin of the device port, and downloads with ranges."""

import hashlib
import json
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


def rest(server, path, *arguments, data=None):
    status, headers, body = curl(
        "--header", f"Authorization: Bearer {server.token}", *arguments, f"{server.http}/api/v1{path}", data=data
    )
    return status, headers, json.loads(body) if body else None


@pytest.fixture(scope="module")
def pump(server, tmp_path_factory):
    identity = server.device("pump")
    directory = identity.files(tmp_path_factory.mktemp("pump"))
    identity.curl = ["--cacert", directory / "ca.pem", "--cert", directory / "cert.pem", "--key", directory / "key.pem"]
    identity.base = f"https://localhost:{server.mqtt_port}"
    return identity


def test_the_server_is_alive_and_ready_and_shows_its_metrics(server):
    assert curl(f"{server.http}/healthz")[0] == 200
    assert curl(f"{server.http}/readyz")[0] == 200
    status, _, body = curl(f"{server.http}/metrics")
    assert status == 200 and b"# TYPE" in body


def test_a_request_without_a_credential_is_told_how_to_bring_one(server):
    status, headers, body = curl(f"{server.http}/api/v1/devices")
    problem = json.loads(body)
    assert status == 401
    assert headers["content-type"].startswith("application/problem+json")
    assert problem["code"] == "auth.required"


def test_a_device_is_made_changed_with_its_version_and_listed_by_query(server):
    made = rest(server, "/devices", "--json", '{"name":"mixer","tags":["outdoor"]}')
    assert made[0] == 201, made
    status, headers, device = rest(server, "/devices/mixer")
    assert (status, device["tags"]) == (200, ["outdoor"])
    patch = ["--request", "PATCH", "--json", '{"attributes":{"site":"berlin"}}']
    assert rest(server, "/devices/mixer", *patch, "--header", f"If-Match: {headers['etag']}")[0] == 200
    assert rest(server, "/devices/mixer", *patch, "--header", f"If-Match: {headers['etag']}")[0] == 412
    page = rest(server, "/devices?q=attribute.site%3D%3Dberlin%3Btag%3D%3Doutdoor")[2]
    assert [item["name"] for item in page["items"]] == ["mixer"]


def test_a_body_of_the_wrong_types_is_refused_with_every_field_named(server):
    status, _, problem = rest(server, "/devices", "--json", '{"name":7,"tags":"outdoor","colour":"red"}')
    assert status == 400
    fields = {error["field"] for error in problem["errors"]}
    assert {"name", "tags", "colour"} <= fields, problem


def test_an_upload_is_checked_against_its_announced_hash(server, tmp_path):
    file = tmp_path / "app.bin"
    file.write_bytes(b"firmware" * 1000)
    good = hashlib.sha256(file.read_bytes()).hexdigest()
    upload = ["--request", "POST", "--data-binary", f"@{file}", "--header", "Content-Type: application/octet-stream"]
    status, _, artifact = rest(server, "/artifacts?name=app.bin", *upload, "--header", f"x-content-sha256: {good}")
    assert (status, artifact["sha256"], artifact["size"]) == (201, good, 8000)
    wrong = "0" * 64
    assert rest(server, "/artifacts?name=app.bin", *upload, "--header", f"x-content-sha256: {wrong}")[0] == 400


def test_an_upload_in_parts_goes_on_where_it_stands_also_after_a_kill(own_server, tmp_path):
    server, content = own_server, bytes(range(256)) * 4000
    digest = hashlib.sha256(content).hexdigest()
    announced = json.dumps({"name": "large.bin", "size": len(content), "sha256": digest})
    upload = rest(server, "/uploads", "--json", announced)[2]["id"]

    def patch(offset, part):
        arguments = ["--request", "PATCH", "--header", f"Upload-Offset: {offset}", "--data-binary", "@-"]
        arguments += ["--header", "Content-Type: application/offset+octet-stream"]
        return rest(server, f"/uploads/{upload}", *arguments, data=part)

    status, headers, _ = patch(0, content[:500_000])
    assert (status, headers["upload-offset"]) == (204, "500000")
    server.kill()
    server.start()
    status, headers, problem = patch(0, content[:10])
    assert (status, headers["upload-offset"], problem["code"]) == (409, "500000", "upload.offset")
    head = curl("--head", "--header", f"Authorization: Bearer {server.token}", f"{server.http}/api/v1/uploads/{upload}")
    assert head[1]["upload-offset"] == "500000"
    status, headers, _ = patch(500_000, content[500_000:])
    assert (status, headers["upload-offset"]) == (204, str(len(content)))
    artifact = rest(server, headers["location"].removeprefix("/api/v1"))[2]
    assert (artifact["sha256"], artifact["md5"]) == (digest, hashlib.md5(content).hexdigest())


def test_a_lasting_link_serves_both_ports_without_a_credential(server, pump):
    artifact = server.call("POST", "/artifacts?name=delta.bin", b"0123456789")["id"]
    link = rest(server, f"/artifacts/{artifact}/link", "--json", "{}", "--request", "PUT")[2]["path"]
    for base, trust in [(server.http, []), (pump.base, ["--cacert", pump.curl[1]])]:
        status, headers, body = curl(*trust, "--range", "2-4", f"{base}{link}")
        assert (status, body, headers["content-range"]) == (206, b"234", "bytes 2-4/10")
        assert headers.get("connection") != "close", "many small ranges go over one connection"
    assert rest(server, f"/artifacts/{artifact}/link", "--request", "DELETE")[0] == 204
    assert curl(f"{server.http}{link}")[0] == 403


def test_the_https_twin_updates_reads_and_deletes_a_shadow(server, pump):
    shadow = f"{pump.base}/things/pump/shadow"
    status, _, body = curl(*pump.curl, "--data", '{"state":{"reported":{"mode":"eco"}}}', shadow)
    assert status == 200, body
    status, _, body = curl(*pump.curl, shadow)
    assert json.loads(body)["state"]["reported"] == {"mode": "eco"}
    assert curl(*pump.curl, "--data", '{"state":{"reported":{}},"version":9}', shadow)[0] == 409
    assert curl(*pump.curl, "--data", '{"state":{"reported":{"n":1}}}', f"{shadow}?name=network")[0] == 200
    listed = json.loads(curl(*pump.curl, f"{pump.base}/api/things/shadow/ListNamedShadowsForThing/pump")[2])
    assert listed["results"] == ["network"]
    assert curl(*pump.curl, "--request", "DELETE", shadow)[0] == 200
    assert curl(*pump.curl, shadow)[0] == 404


def test_the_https_twin_refuses_other_devices_and_missing_certificates(server, pump):
    server.call("POST", "/devices", {"name": "neighbour"})
    assert curl(*pump.curl, f"{pump.base}/things/neighbour/shadow")[0] in (403, 404)
    without = ["--cacert", pump.curl[1]]
    assert curl(*without, f"{pump.base}/things/pump/shadow")[0] in (401, 403)


def test_an_update_is_taken_over_https_and_downloaded_in_ranges(server, pump):
    content = bytes(range(256)) * 400
    server.release("pump-fw", "3.0.0", content)
    body = {"kind": "update", "targets": {"devices": ["pump"]}, "release": {"name": "pump-fw", "version": "3.0.0"}}
    job = server.call("POST", "/jobs", body)["id"]

    def start():
        answer = curl(*pump.curl, "--request", "PUT", "--data", "{}", f"{pump.base}/things/pump/jobs/$next")
        return json.loads(answer[2]).get("execution")

    execution = windlass.eventually(start)
    assert execution["jobId"] == str(job)
    artifact = execution["jobDocument"]["components"][0]["artifacts"][0]
    ca = ["--cacert", pump.curl[1]]
    status, headers, whole = curl(*ca, artifact["url"])
    assert (status, whole) == (200, content)
    assert int(headers["content-length"]) == len(content)
    status, headers, part = curl(*ca, "--range", "1000-1999", artifact["url"])
    assert (status, part) == (206, content[1000:2000])
    assert headers["content-range"] == f"bytes 1000-1999/{len(content)}"
    assert curl(*ca, "--range", f"{len(content) - 10}-", artifact["url"])[2] == content[-10:]
    assert curl(*ca, "--range", f"{len(content)}-", artifact["url"])[0] == 416
    assert curl(*ca, "--head", artifact["url"])[1]["etag"] == curl(*ca, artifact["url"])[1]["etag"]
    forged = artifact["url"][:-4] + ("aaaa" if not artifact["url"].endswith("aaaa") else "bbbb")
    assert curl(*ca, forged)[0] == 403
    server.call("POST", f"/jobs/{job}/cancel?inProgressToo=true")
    windlass.eventually(lambda: curl(*ca, artifact["url"])[0] == 403, what="a refused download of a canceled job")


def test_no_request_kills_the_server(server):
    for path in ["/api/v1/nothing", "/../../etc/passwd", "/api/v1/devices/%00", "/api/v1/devices?limit=-1"]:
        status, _, _ = curl("--path-as-is", "--header", f"Authorization: Bearer {server.token}", f"{server.http}{path}")
        assert 400 <= status < 500, path
    assert curl(f"{server.http}/healthz")[0] == 200
