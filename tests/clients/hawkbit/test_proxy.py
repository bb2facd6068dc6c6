"""nginx in front of the server ends TLS: links, tokens, and certificates that it vouches for."""

import json
import subprocess

import pytest

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
