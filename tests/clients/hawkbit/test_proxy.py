"""nginx in front of the server ends TLS: links, tokens, certificates that it vouches for, files, reports, SWUpdate."""

import json
import os
import subprocess

import pytest

import swu
import windlass

PATIENCE = 30


def curl(*arguments, data=None):
    """Runs curl; (status, body)."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--max-time", str(PATIENCE), "--write-out", "\n%{http_code}", *map(str, arguments)],
        input=data, capture_output=True, timeout=PATIENCE + 5,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    body, _, status = done.stdout.rpartition(b"\n")
    return int(status), body


def certificate(directory, name, subject, issuer=None):
    key, pem = directory / f"{name}.key", directory / f"{name}.pem"
    arguments = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
    if issuer:
        arguments += ["-CA", str(directory / f"{issuer}.pem"), "-CAkey", str(directory / f"{issuer}.key")]
    windlass.openssl(*arguments, "-subj", subject, "-keyout", str(key), "-out", str(pem))
    return pem, key


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    directory = tmp_path_factory.mktemp("proxy")
    server = windlass.Server(directory, {"WINDLASS_TRUSTED_PROXY": "127.0.0.1"})
    server.start()
    certificate(directory, "server", "/CN=localhost")
    certificate(directory, "ca", "/CN=devices")
    certificate(directory, "board-1", "/CN=board-1", "ca")
    (directory / "nginx.conf").write_text(
        f"""
daemon off; pid {directory}/nginx.pid; error_log {directory}/error.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxied;
    fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
    map $ssl_client_s_dn $name {{ default ""; "~CN=(?<cn>[^,]+)" $cn; }}
    map $ssl_client_verify $issuer {{ default ""; SUCCESS "0a1b2c"; }}
    server {{
        listen unix:{directory}/unused.sock;
        listen 127.0.0.1:PORT ssl;
        ssl_certificate {directory}/server.pem; ssl_certificate_key {directory}/server.key;
        ssl_client_certificate {directory}/ca.pem; ssl_verify_client optional;
        location / {{
            proxy_pass {server.http};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-Proto https;
            proxy_set_header X-Controller-Id $name;
            proxy_set_header X-Authority $issuer;
        }}
    }}
}}
""".replace("PORT", str(free_port()))
    )
    process = subprocess.Popen(["nginx", "-c", directory / "nginx.conf", "-e", directory / "error.log"])
    text = (directory / "nginx.conf").read_text()
    port = text.split("listen 127.0.0.1:")[1].split(" ")[0]
    base = f"https://localhost:{port}"
    windlass.eventually(
        lambda: subprocess.run(["curl", "-sk", f"{base}/healthz"], capture_output=True).returncode == 0, what="nginx"
    )
    yield server, base, directory
    process.terminate()
    process.wait(PATIENCE)
    server.stop()


def free_port():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def test_links_lead_back_through_the_proxy(proxy):
    server, base, directory = proxy
    server.call("PUT", "/settings/hawkbit", {"values": {"authentication.targettoken.enabled": True}})
    server.call("POST", "/devices", {"name": "board-9"})
    token = server.call("PUT", "/devices/board-9/token", {})["token"]
    status, body = curl(
        "--cacert", directory / "server.pem", "-H", f"Authorization: TargetToken {token}", f"{base}/DEFAULT/controller/v1/board-9"
    )
    assert status == 200
    assert json.loads(body)["_links"]["configData"]["href"] == f"{base}/DEFAULT/controller/v1/board-9/configData"


def test_a_certificate_that_the_proxy_checked_is_the_devices_proof(proxy):
    server, base, directory = proxy
    values = {"authentication.header.enabled": True, "authentication.header.authority": "0A1B2C"}
    server.call("PUT", "/settings/hawkbit", {"values": values})
    trust = ["--cacert", directory / "server.pem"]
    own = [*trust, "--cert", directory / "board-1.pem", "--key", directory / "board-1.key"]
    assert curl(*own, f"{base}/DEFAULT/controller/v1/board-1")[0] == 200, "plug and play"
    assert curl(*own, f"{base}/DEFAULT/controller/v1/board-2")[0] == 401, "it is board-1's"
    status, body = curl(*trust, f"{base}/DEFAULT/controller/v1/board-1")
    assert (status, body) == (401, b"")
    forged = ["-H", "X-Controller-Id: board-1", "-H", "X-Authority: 0a1b2c"]
    assert curl(*trust, *forged, f"{base}/DEFAULT/controller/v1/board-1")[0] == 401, "the proxy sets them itself"
    added = ["-H", "X-Authority-0: 0a1b2c"]
    assert curl(*own, *added, f"{base}/DEFAULT/controller/v1/board-1")[0] == 401, "a second spelling adds nothing"


def rolled_out(server, device, name, content):
    """Rolls a release with one file out to a device that has a token; the job and the token."""
    server.call("PUT", "/settings/hawkbit", {"values": {"authentication.targettoken.enabled": True}})
    server.call("POST", "/devices", {"name": device})
    token = server.call("PUT", f"/devices/{device}/token", {})["token"]
    artifact = server.call("POST", f"/artifacts?name={name}.swu", content)
    named = {"name": name, "version": "1.0"}
    server.call("POST", "/components", {**named, "type": "os", "artifacts": [artifact["id"]]})
    server.call("POST", "/releases", {**named, "components": [named]})
    job = server.call("POST", "/jobs", {"kind": "update", "release": named, "targets": {"devices": [device]}})
    return job["id"], token


def execution(server, job):
    items = server.call("GET", f"/jobs/{job}/executions")["items"]
    return items[0] if items else None


def test_files_pass_whole_and_in_ranges_and_so_does_a_report_that_is_announced(proxy, tmp_path):
    server, base, directory = proxy
    image = os.urandom(1_000_000)
    job, token = rolled_out(server, "board-3", "proxied", image)
    action = windlass.eventually(lambda: execution(server, job), what="an offer")["id"]
    own = ["--cacert", directory / "server.pem", "-H", f"Authorization: TargetToken {token}"]
    controller = f"{base}/DEFAULT/controller/v1/board-3"
    heads = tmp_path / "heads"

    def fetch(*arguments):
        status, body = curl(*own, "--dump-header", heads, *arguments)
        lines = heads.read_text().strip().split("\n")[1:]
        return status, {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}, body

    _, _, body = fetch(f"{controller}/deploymentBase/{action}")
    artifact = json.loads(body)["deployment"]["chunks"][0]["artifacts"][0]
    url = artifact["_links"]["download"]["href"]
    assert url.startswith(f"{controller}/"), "it leads back through the proxy"

    status, headers, body = fetch(url)
    assert (status, headers["content-length"]) == (200, str(len(image))) and body == image
    status, headers, _ = fetch("--head", url)
    assert (status, headers["content-length"], headers["etag"]) == (200, str(len(image)), f'"{artifact["hashes"]["sha1"]}"')
    assert "transfer-encoding" not in headers
    status, headers, body = fetch("--range", "999900-", url)
    assert (status, headers["content-range"]) == (206, "bytes 999900-999999/1000000") and body == image[999_900:]
    wanted = [(at * 3_000, at * 3_000 + 99) for at in range(300)]
    status, headers, body = fetch("--range", ",".join(f"{first}-{last}" for first, last in wanted), url)
    assert status == 206 and int(headers["content-length"]) == len(body)
    boundary = headers["content-type"].partition("boundary=")[2].encode()
    parts = body.split(b"\r\n--" + boundary)[1:]
    assert len(parts) == 301 and parts[-1] == b"--\r\n"
    for (first, last), part in zip(wanted, parts):
        assert part.partition(b"\r\n\r\n")[2] == image[first : last + 1]

    report = {"id": action, "status": {"execution": "closed", "result": {"finished": "success"}, "details": ["through nginx"]}}
    said = ["-H", "Content-Type: application/json", "-H", "Expect: 100-continue", "--data-binary", json.dumps(report)]
    status, _ = curl(*own, *said, f"{controller}/deploymentBase/{action}/feedback")
    ended = execution(server, job)
    assert (status, ended["state"], ended["details"]["message"]) == (200, "succeeded", "through nginx"), ended


def test_swupdate_installs_and_reports_through_the_proxy(proxy, tmp_path):
    server, base, directory = proxy
    signer = swu.Signer(tmp_path)
    destination, payload = tmp_path / "flash", os.urandom(300_000)
    package = signer.package(tmp_path / "swu", "1.0", destination, payload)
    job, token = rolled_out(server, "board-4", "installed", package)
    configuration = tmp_path / "swupdate.cfg"
    configuration.write_text(
        f"""globals : {{}};
suricatta :
{{
  tenant = "DEFAULT";
  id = "board-4";
  url = "{base}";
  cafile = "{directory / "server.pem"}";
  targettoken = "{token}";
  polldelay = 2;
}};
"""
    )
    client = swu.Client(tmp_path / "client", "", "board-4", "", signer)
    client.start_with(configuration)
    try:
        written = lambda: destination.exists() and destination.read_bytes() == payload  # noqa: E731
        windlass.eventually(written, swu.PATIENCE, "the payload")
        windlass.eventually(lambda: "Update successful" in client.said(), swu.PATIENCE, "the end of the installation")
        client.stop()
        client.start_with(configuration, "-c 2")
        succeeded = lambda: execution(server, job)["state"] == "succeeded"  # noqa: E731
        windlass.eventually(succeeded, swu.PATIENCE, "the report after the restart")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{client.said()[-6000:]}") from None
    finally:
        client.stop()
