"""SWUpdate, unmodified, through an update: installed, confirmed after a restart, resumed, refused."""

import datetime
import os

import pytest

import swu
import windlass


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    return swu.Signer(tmp_path_factory.mktemp("signer"))


@pytest.fixture
def clients():
    """Ends every client that a test began, however the test ends."""
    begun = []
    yield begun
    for client in begun:
        client.stop()


@pytest.fixture(scope="module")
def hawkbit(server):
    values = {"authentication.targettoken.enabled": True, "pollingTime": "00:00:30"}
    server.call("PUT", "/settings/hawkbit", {"values": values})
    return server


def target(server, name, **spec):
    server.call("POST", "/devices", {"name": name, **spec})
    return server.call("PUT", f"/devices/{name}/token", {})["token"]


def release(server, name, version, content):
    artifact = server.call("POST", f"/artifacts?name={name}-{version}.swu", content)
    component = {"name": name, "version": version, "type": "os", "artifacts": [artifact["id"]]}
    server.call("POST", "/components", component)
    server.call("POST", "/releases", {"name": name, "version": version, "components": [{"name": name, "version": version}]})


def roll_out(server, name, version, device, **more):
    job = {"kind": "update", "release": {"name": name, "version": version}, "targets": {"devices": [device]}, **more}
    return server.call("POST", "/jobs", job)["id"]


def execution(server, job):
    items = server.call("GET", f"/jobs/{job}/executions")["items"]
    return items[0] if items else None


def reached(server, job, state, client, patience=swu.PATIENCE):
    try:
        return windlass.eventually(
            lambda: (found := execution(server, job)) and found["state"] == state and found, patience, state
        )
    except AssertionError:
        raise AssertionError(f"{execution(server, job)}\n{client.said()[-6000:]}") from None


def test_a_signed_package_is_installed_and_confirmed_after_the_restart(hawkbit, signer, clients, tmp_path):
    token = target(hawkbit, "board-1")
    destination, payload = tmp_path / "flash", os.urandom(300_000)
    release(hawkbit, "one", "1.0", signer.package(tmp_path / "swu", "1.0", destination, payload))
    job = roll_out(hawkbit, "one", "1.0", "board-1")
    client = swu.Client(tmp_path / "client", hawkbit.http, "board-1", token, signer)
    clients.append(client.start())
    reached(hawkbit, job, "inProgress", client)
    windlass.eventually(lambda: destination.exists() and destination.read_bytes() == payload, swu.PATIENCE, "the payload")
    windlass.eventually(lambda: "Update successful" in client.said(), swu.PATIENCE, "the end of the installation")
    assert execution(hawkbit, job)["state"] == "inProgress", "nothing is said before the restart"
    client.stop()
    clients.append(client.start("-c", "2"))
    ended = reached(hawkbit, job, "succeeded", client)
    assert ended["details"]["message"] == "Update Installed."
    device = hawkbit.call("GET", "/devices/board-1")
    assert device["presence"] == "reachable"


def test_a_download_that_was_cut_goes_on_where_it_ended(hawkbit, signer, clients, tmp_path):
    token = target(hawkbit, "board-2")
    destination, payload = tmp_path / "flash", os.urandom(8_000_000)
    release(hawkbit, "two", "1.0", signer.package(tmp_path / "swu", "1.0", destination, payload))
    link = swu.Narrow(hawkbit)
    link.cut_after = 1_000_000
    job = roll_out(hawkbit, "two", "1.0", "board-2")
    client = swu.Client(tmp_path / "client", link.url, "board-2", token, signer)
    clients.append(client.start())
    windlass.eventually(lambda: destination.exists() and destination.read_bytes() == payload, swu.PATIENCE, "the payload")
    assert link.cuts == 1
    assert any("range: bytes=" in text.lower() for text in link.asked), "it asked for the rest"
    reached(hawkbit, job, "inProgress", client)
    link.close()


def test_a_file_that_is_no_package_fails_with_the_clients_own_reason(hawkbit, signer, clients, tmp_path):
    token = target(hawkbit, "board-3")
    release(hawkbit, "three", "1.0", os.urandom(50_000))
    job = roll_out(hawkbit, "three", "1.0", "board-3")
    client = swu.Client(tmp_path / "client", hawkbit.http, "board-3", token, signer)
    clients.append(client.start())
    ended = reached(hawkbit, job, "failed", client)
    assert ended["reason"] == "No suitable .swu image found", ended


def test_a_server_that_is_killed_in_the_middle_is_found_again(own_server, signer, clients, tmp_path):
    values = {"authentication.targettoken.enabled": True}
    own_server.call("PUT", "/settings/hawkbit", {"values": values})
    token = target(own_server, "board-4")
    destination, payload = tmp_path / "flash", os.urandom(8_000_000)
    release(own_server, "four", "1.0", signer.package(tmp_path / "swu", "1.0", destination, payload))
    link = swu.Narrow(own_server)
    job = roll_out(own_server, "four", "1.0", "board-4")
    client = swu.Client(tmp_path / "client", link.url, "board-4", token, signer)
    clients.append(client.start())
    windlass.eventually(lambda: any("artifacts/" in text for text in link.asked), swu.PATIENCE, "a download")
    link.gate.clear()
    own_server.kill()
    own_server.start()
    link.gate.set()
    windlass.eventually(lambda: destination.exists() and destination.read_bytes() == payload, swu.PATIENCE, "the payload")
    windlass.eventually(lambda: "Update successful" in client.said(), swu.PATIENCE, "the end of the installation")
    client.stop()
    clients.append(client.start("-c", "2"))
    reached(own_server, job, "succeeded", client)
    link.close()


def test_a_client_with_a_wrong_token_is_refused_and_the_operator_sees_why(hawkbit, signer, clients, tmp_path):
    target(hawkbit, "board-5")
    client = swu.Client(tmp_path / "client", hawkbit.http, "board-5", "wrong", signer)
    clients.append(client.start())
    seen = lambda: "ddi.targetToken" in str(hawkbit.call("GET", "/refusals"))  # noqa: E731
    windlass.eventually(seen, swu.PATIENCE, "a refusal with its reason")


def test_a_cancelation_in_the_middle_of_a_download_is_agreed_to_by_the_client(hawkbit, signer, clients, tmp_path):
    token = target(hawkbit, "board-6")
    destination, payload = tmp_path / "flash", os.urandom(8_000_000)
    release(hawkbit, "six", "1.0", signer.package(tmp_path / "swu", "1.0", destination, payload))
    link = swu.Narrow(hawkbit)
    job = roll_out(hawkbit, "six", "1.0", "board-6")
    client = swu.Client(tmp_path / "client", link.url, "board-6", token, signer)
    link.pause = 0.5
    clients.append(client.start())
    windlass.eventually(lambda: any("artifacts/" in text for text in link.asked), swu.PATIENCE, "a download")
    asked = execution(hawkbit, job)
    stopping = hawkbit.call("POST", f"/executions/{asked['id']}/cancel", {})
    assert stopping["state"] == "inProgress" and stopping["cancelAskedAt"], f"the device has the word: {stopping}"
    # While it downloads it asks for a cancelation once in its polling time, over the narrow link.
    ended = reached(hawkbit, job, "canceled", client, patience=3 * swu.PATIENCE)
    assert ended["reason"] == "the device agreed to stop", ended
    assert any("cancelAction" in text for text in link.asked), "it asked what is to be canceled"
    link.close()


def test_a_closed_maintenance_window_does_not_end_as_installed(hawkbit, signer, clients, tmp_path):
    token = target(hawkbit, "board-7")
    destination, payload = tmp_path / "flash", os.urandom(100_000)
    release(hawkbit, "seven", "1.0", signer.package(tmp_path / "swu", "1.0", destination, payload))
    window = {"schedule": "0 0 3 1 1 ? 2090", "durationSeconds": 3600, "timezone": "UTC"}
    job = roll_out(hawkbit, "seven", "1.0", "board-7", rollout={"window": window})
    client = swu.Client(tmp_path / "client", hawkbit.http, "board-7", token, signer)
    clients.append(client.start())
    polled = lambda: hawkbit.call("GET", "/devices/board-7").get("lastContactAt")  # noqa: E731
    first = windlass.eventually(polled, swu.PATIENCE, "a poll")
    windlass.eventually(lambda: polled() != first, swu.PATIENCE, "another poll")
    waiting = execution(hawkbit, job)
    assert (waiting["state"], waiting["verdict"]) == ("queued", "pending"), waiting
    assert "maintenance window" in waiting["why"], waiting
    assert not destination.exists(), "nothing was installed"


def test_a_maintenance_window_that_opens_lets_the_waiting_update_in(hawkbit, signer, clients, tmp_path):
    token = target(hawkbit, "board-9")
    destination, payload = tmp_path / "flash", os.urandom(100_000)
    release(hawkbit, "nine", "1.0", signer.package(tmp_path / "swu", "1.0", destination, payload))
    opens = datetime.datetime.now(datetime.UTC).replace(microsecond=0) + datetime.timedelta(seconds=75)
    window = {"schedule": f"{opens:%S %M %H %d %m} ? {opens:%Y}", "durationSeconds": 3600, "timezone": "UTC"}
    job = roll_out(hawkbit, "nine", "1.0", "board-9", rollout={"window": window})
    client = swu.Client(tmp_path / "client", hawkbit.http, "board-9", token, signer)
    clients.append(client.start())
    windlass.eventually(lambda: hawkbit.call("GET", "/devices/board-9").get("lastContactAt"), swu.PATIENCE, "a poll")
    waiting = execution(hawkbit, job)
    assert waiting["state"] == "queued" and not destination.exists(), waiting
    assert "maintenance window" in waiting["why"], waiting
    windlass.eventually(
        lambda: destination.exists() and destination.read_bytes() == payload, 75 + swu.PATIENCE, "the payload"
    )
    begun = reached(hawkbit, job, "inProgress", client)
    assert datetime.datetime.fromisoformat(begun["startedAt"]) >= opens, begun
    windlass.eventually(lambda: "Update successful" in client.said(), swu.PATIENCE, "the end of the installation")
    client.stop()
    clients.append(client.start("-c", "2"))
    reached(hawkbit, job, "succeeded", client)


def test_the_configuration_of_the_connect_card_polls_by_the_devices_certificate(hawkbit, signer, clients, tmp_path):
    files = hawkbit.device("board-8").files(tmp_path)
    configuration = tmp_path / "swupdate.cfg"
    configuration.write_text(
        f"""globals : {{}};
suricatta :
{{
  tenant = "DEFAULT";
  id = "board-8";
  url = "https://localhost:{hawkbit.mqtt_port}";
  cafile = "{files / 'ca.pem'}";
  sslcert = "{files / 'cert.pem'}";
  sslkey = "{files / 'key.pem'}";
  polldelay = 2;
}};
"""
    )
    client = swu.Client(tmp_path / "client", "", "board-8", "", signer)
    clients.append(client.start_with(configuration))
    polled = lambda: hawkbit.call("GET", "/devices/board-8").get("lastContactAt")  # noqa: E731
    windlass.eventually(polled, swu.PATIENCE, f"a poll\n{client.said()[-3000:]}")
    assert hawkbit.call("GET", "/devices/board-8")["presence"] == "reachable"
