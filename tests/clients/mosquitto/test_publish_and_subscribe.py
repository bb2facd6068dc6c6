"""mosquitto_pub and mosquitto_sub with certificates: what they may, and above all what they may not."""

import json
import subprocess

import pytest

import windlass

PATIENCE = 20


@pytest.fixture(scope="module")
def pump(server, tmp_path_factory):
    identity = server.device("pump")
    identity.directory = identity.files(tmp_path_factory.mktemp("pump"))
    return identity


@pytest.fixture(scope="module")
def valve(server, tmp_path_factory):
    identity = server.device("valve")
    identity.directory = identity.files(tmp_path_factory.mktemp("valve"))
    return identity


def command(program, server, identity, client_id, version):
    return [
        program, "-h", "localhost", "-p", str(server.mqtt_port), "-V", version, "-i", client_id,
        "--cafile", identity.directory / "ca.pem",
        "--cert", identity.directory / "cert.pem",
        "--key", identity.directory / "key.pem",
    ]  # fmt: skip


def publish(server, identity, topic, message, client_id="pump", version="mqttv5", qos=1):
    arguments = ["-t", topic, "-m", message, "-q", str(qos)]
    return subprocess.run(
        command("mosquitto_pub", server, identity, client_id, version) + arguments,
        capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip


def subscribe(server, identity, topics, count=1, client_id="pump-sub", version="mqttv5", wait=PATIENCE):
    topics = [argument for topic in topics for argument in ("-t", topic)]
    arguments = topics + ["-q", "1", "-C", str(count), "-W", str(wait), "-F", "%j", "-d"]
    return subprocess.Popen(
        # Its output is buffered in blocks otherwise, and a line would be seen only at its end.
        ["stdbuf", "-oL"] + command("mosquitto_sub", server, identity, client_id, version) + arguments,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def lines_until(process, wanted):
    """Reads what the subscriber prints until a line has `wanted` in it."""
    seen = []
    for line in process.stdout:
        seen.append(line)
        if wanted in line:
            return seen
    raise AssertionError(f"{wanted!r} never came: {seen}")


@pytest.mark.parametrize("version", ["mqttv311", "mqttv5"])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_telemetry_arrives_at_every_quality_of_service(server, pump, version, qos):
    metric = f"{version}.{qos}"
    done = publish(server, pump, "devices/pump/telemetry", json.dumps({metric: 21.5}), version=version, qos=qos)
    assert done.returncode == 0, done.stdout + done.stderr
    windlass.eventually(lambda: server.last_value("pump", metric) == 21.5)


@pytest.mark.parametrize("version", ["mqttv311", "mqttv5"])
def test_a_delta_reaches_a_subscriber(server, tmp_path, version):
    name = f"gate-{version}"
    gate = server.device(name)
    gate.directory = gate.files(tmp_path)
    process = subscribe(server, gate, [f"$aws/things/{name}/shadow/update/delta"], client_id=name, version=version)
    lines_until(process, "SUBACK")
    server.call("PATCH", f"/devices/{name}/shadow", {"desired": {"open": version}})
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, out
    assert f'"open":"{version}"' in out.replace("\\", "").replace(" ", ""), out


def test_the_topic_of_another_device_is_refused_with_a_reason(server, pump, valve):
    done = publish(server, pump, "devices/valve/telemetry", '{"x":1}')
    assert "Not authorized" in done.stdout + done.stderr, done
    assert server.last_value("valve", "x") is None


def test_a_refused_publish_ends_an_old_clients_connection(server, pump, valve):
    done = publish(server, pump, "devices/valve/telemetry", '{"y":1}', version="mqttv311")
    assert done.returncode != 0 or "lost" in (done.stdout + done.stderr).lower(), done
    assert server.last_value("valve", "y") is None


@pytest.mark.parametrize(
    "filter", ["#", "devices/+/telemetry", "$aws/things/valve/shadow/#", "$share/group/devices/pump/telemetry"]
)
def test_a_filter_that_matches_more_than_allowed_is_refused(server, pump, valve, filter):
    process = subscribe(server, pump, [filter], client_id="curious", wait=3)
    out, _ = process.communicate(timeout=PATIENCE)
    assert "All subscription requests were denied" in out


def test_only_the_server_publishes_answers(server, pump):
    done = publish(server, pump, "$aws/things/pump/shadow/update/accepted", "{}")
    assert "Not authorized" in done.stdout + done.stderr, done


def test_a_payload_that_is_no_telemetry_is_refused_and_the_next_one_taken(server, pump):
    done = publish(server, pump, "devices/pump/telemetry", "not json")
    assert "Payload format invalid" in done.stdout + done.stderr, done
    assert publish(server, pump, "devices/pump/telemetry", '{"after":1}').returncode == 0
    windlass.eventually(lambda: server.last_value("pump", "after") == 1)


def test_a_claim_certificate_may_only_provision(server, pump, tmp_path):
    claim = server.claim("line-2")
    claim.directory = claim.files(tmp_path)
    done = publish(server, claim, "devices/pump/telemetry", '{"z":1}', client_id="claim")
    assert "Not authorized" in done.stdout + done.stderr, done
    assert server.last_value("pump", "z") is None


def test_a_revoked_certificate_loses_its_connection_and_is_refused_afterwards(server, tmp_path):
    identity = server.device("lost")
    identity.directory = identity.files(tmp_path)
    process = subscribe(server, identity, ["$aws/things/lost/shadow/update/delta"], client_id="lost")
    lines_until(process, "SUBACK")
    server.call("POST", f"/credentials/{identity.credential}/revoke", {"reason": "stolen"})
    out, _ = process.communicate(timeout=PATIENCE)
    assert "Received DISCONNECT (135)" in out, "not authorized, and at once"
    done = publish(server, identity, "devices/lost/telemetry", '{"x":1}', client_id="lost")
    assert done.returncode != 0, done
    assert server.last_value("lost", "x") is None


def test_a_suspended_device_is_refused_until_it_is_resumed(server, tmp_path):
    identity = server.device("paused")
    identity.directory = identity.files(tmp_path)
    assert publish(server, identity, "devices/paused/telemetry", '{"x":1}', client_id="paused").returncode == 0
    server.call("POST", "/devices/paused/suspend")
    assert publish(server, identity, "devices/paused/telemetry", '{"x":2}', client_id="paused").returncode != 0
    server.call("POST", "/devices/paused/resume")
    assert publish(server, identity, "devices/paused/telemetry", '{"x":3}', client_id="paused").returncode == 0
    windlass.eventually(lambda: server.last_value("paused", "x") == 3)


def test_a_certificate_of_another_authority_is_refused(server, pump, tmp_path):
    key = windlass.openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    certificate = windlass.openssl(
        "req", "-x509", "-new", "-key", "/dev/stdin", "-subj", "/CN=pump", "-days", "1", text=key
    )
    forged = windlass.Identity(certificate, key, pump.ca)
    forged.directory = forged.files(tmp_path)
    done = publish(server, forged, "devices/pump/telemetry", '{"forged":1}')
    assert done.returncode != 0, done
    assert server.last_value("pump", "forged") is None
