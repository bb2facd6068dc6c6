"""hawkBit's Management API as its scripts use it, with a device that speaks Direct Device Integration by curl.

The client below knows nothing of Windlass but the address, a user and a password.
"""

import base64
import hashlib
import json
import subprocess
import urllib.error
import urllib.request

import pytest

import windlass

PATIENCE = 30
BOUNDARY = "a-line-that-is-in-no-file"


class Refused(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body


class Management:
    """The calls of a hawkBit script."""

    def __init__(self, server):
        self.base = f"{server.http}/rest/v1"
        self.basic = base64.b64encode(f"DEFAULT\\admin:{server.password}".encode()).decode()

    def call(self, method, path, body=None, data=None, kind="application/json"):
        request = urllib.request.Request(f"{self.base}/{path}", method=method)
        request.add_header("Authorization", f"Basic {self.basic}")
        request.add_header("Accept", "application/hal+json,application/json")
        if body is not None:
            data = json.dumps(body).encode()
        if data is not None:
            request.add_header("Content-Type", kind)
        try:
            with urllib.request.urlopen(request, data, timeout=PATIENCE) as response:
                text = response.read()
        except urllib.error.HTTPError as error:
            raise Refused(error.code, json.loads(error.read() or b"null")) from None
        try:
            return json.loads(text) if text else None
        except json.JSONDecodeError:
            return text

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None):
        return self.call("POST", path, body)

    def put(self, path, body=None):
        return self.call("PUT", path, body)

    def delete(self, path):
        return self.call("DELETE", path)

    def upload(self, module, name, content):
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        form = head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        return self.call("POST", f"softwaremodules/{module}/artifacts", data=form, kind=kind)

    def software(self, name, version, content):
        """A module with one file, and a set with it: their numbers and that of the file."""
        module = self.post("softwaremodules", [{"name": name, "version": version, "type": "os"}])[0]["id"]
        artifact = self.upload(module, f"{name}.swu", content)
        new = {"name": name, "description": "a test", "version": version, "type": "os", "modules": [{"id": module}]}
        return module, self.post("distributionsets", [new])[0]["id"], artifact["id"]

    def assign(self, target, dist_set, **terms):
        answer = self.post(f"distributionsets/{dist_set}/assignedTargets", [{"id": target, **terms}])
        assert answer["assigned"] == 1
        return answer["assignedActions"][0]["id"]

    def statuses(self, target, action):
        page = self.get(f"targets/{target}/actions/{action}/status?offset=0&limit=50&sort=id:DESC")
        return [entry["type"] for entry in page["content"]]


class Device:
    """A device that polls with curl."""

    def __init__(self, server, name, token):
        self.base = f"{server.http}/default/controller/v1/{name}"
        self.token = token

    def curl(self, url, *arguments):
        done = subprocess.run(
            ["curl", "--silent", "--show-error", "--fail-with-body", "--max-time", str(PATIENCE)]
            + ["--header", f"Authorization: TargetToken {self.token}", *arguments, url],
            capture_output=True, timeout=PATIENCE + 5,
        )  # fmt: skip
        assert done.returncode == 0, (url, done.stdout, done.stderr)
        return done.stdout

    def get(self, url):
        return json.loads(self.curl(url))

    def link(self, name):
        return self.get(self.base)["_links"].get(name, {}).get("href")

    def send(self, url, body, method="POST"):
        text = json.dumps(body)
        self.curl(url, "--request", method, "--header", "Content-Type: application/json", "--data", text)

    def report(self, action, execution, finished, kind="deploymentBase"):
        status = {"execution": execution, "result": {"finished": finished}, "details": ["said by the device"]}
        self.send(f"{self.base}/{kind}/{action}/feedback", {"id": str(action), "status": status})


@pytest.fixture(scope="module")
def hawkbit(server):
    hawkbit = Management(server)
    hawkbit.put("system/configs/authentication.targettoken.enabled", {"value": True})
    hawkbit.put("system/configs/pollingTime", {"value": "00:00:30"})
    return hawkbit


@pytest.fixture
def device(server, hawkbit, request):
    name = request.node.name.replace("_", "-")[-60:]
    made = hawkbit.post("targets", [{"controllerId": name, "name": name}])
    yield Device(server, name, made[0]["securityToken"])
    hawkbit.delete(f"targets/{name}")


def name_of(device):
    return device.base.rsplit("/", 1)[1]


def test_whoever_signed_in_is_told_who_they_are(hawkbit):
    assert hawkbit.get("userinfo") == {"tenant": "DEFAULT", "username": "admin"}
    assert hawkbit.get("system/configs/authentication.targettoken.enabled")["value"] is True


def test_a_set_reaches_its_device_and_is_installed(hawkbit, device):
    content = b"firmware" * 4000
    _, dist_set, _ = hawkbit.software("pump-fw", "1.0", content)
    action = hawkbit.assign(name_of(device), dist_set)
    deployment = device.get(device.link("deploymentBase"))
    assert deployment["id"] == str(action)
    chunk = deployment["deployment"]["chunks"][0]
    assert (chunk["part"], chunk["name"], chunk["version"]) == ("os", "pump-fw", "1.0")
    file = chunk["artifacts"][0]
    links = file["_links"]
    got = device.curl((links.get("download") or links["download-http"])["href"])
    assert hashlib.sha1(got).hexdigest() == file["hashes"]["sha1"] == hashlib.sha1(content).hexdigest()
    device.report(action, "proceeding", "none")
    device.report(action, "closed", "success")
    shown = hawkbit.get(f"targets/{name_of(device)}/actions/{action}")
    assert (shown["type"], shown["status"], shown["detailStatus"]) == ("update", "finished", "finished")
    assert hawkbit.statuses(name_of(device), action)[0] == "finished"
    assert hawkbit.get(f"targets/{name_of(device)}")["updateStatus"] == "in_sync"
    assert hawkbit.get(f"targets/{name_of(device)}/installedDS")["id"] == dist_set


def test_a_device_that_fails_is_shown_as_failed(hawkbit, device):
    _, dist_set, _ = hawkbit.software("broken-fw", "1.0", b"broken")
    action = hawkbit.assign(name_of(device), dist_set)
    device.get(device.link("deploymentBase"))
    device.report(action, "closed", "failure")
    assert hawkbit.statuses(name_of(device), action)[0] == "error"
    assert hawkbit.get(f"targets/{name_of(device)}")["updateStatus"] == "error"
    with pytest.raises(Refused) as refused:
        hawkbit.delete(f"targets/{name_of(device)}/actions/{action}")
    assert refused.value.status == 405


def test_a_canceled_action_is_over_once_the_device_agrees(hawkbit, device):
    _, dist_set, _ = hawkbit.software("canceled-fw", "1.0", b"canceled")
    action = hawkbit.assign(name_of(device), dist_set)
    path = f"targets/{name_of(device)}/actions/{action}"
    hawkbit.delete(path)
    assert hawkbit.get(path)["type"] == "cancel"
    cancel = device.get(device.link("cancelAction"))
    assert cancel["cancelAction"]["stopId"] == str(action)
    device.report(action, "closed", "success", kind="cancelAction")
    assert hawkbit.get(path)["status"] == "finished"
    assert hawkbit.statuses(name_of(device), action)[0] == "canceled"


def test_attributes_that_a_device_sends_can_be_asked_for(hawkbit, device):
    device.send(f"{device.base}/configData", {"mode": "merge", "data": {"hwRevision": "B2"}}, method="PUT")
    assert hawkbit.get(f"targets/{name_of(device)}/attributes") == {"hwRevision": "B2"}
    found = hawkbit.get("targets?q=attribute.hwRevision==b*")
    assert [one["controllerId"] for one in found["content"]] == [name_of(device)]


def test_what_is_in_use_is_deleted_softly_and_twice_is_no_mistake(hawkbit, device):
    module, dist_set, artifact = hawkbit.software("kept-fw", "1.0", b"kept")
    hawkbit.assign(name_of(device), dist_set)
    for path in [f"distributionsets/{dist_set}", f"softwaremodules/{module}"]:
        hawkbit.delete(path)
        hawkbit.delete(path)
        assert hawkbit.get(path)["deleted"] is True
    with pytest.raises(Refused) as refused:
        hawkbit.delete(f"softwaremodules/{module}/artifacts/{artifact}")
    assert refused.value.status == 423


def test_refusals_are_in_hawkbits_words(hawkbit):
    with pytest.raises(Refused) as refused:
        hawkbit.get("targets/nobody")
    assert refused.value.status == 404
    assert set(refused.value.body) == {"exceptionClass", "errorCode", "message", "info"}
    module, _, _ = hawkbit.software("twice-fw", "1.0", b"once")
    with pytest.raises(Refused) as refused:
        hawkbit.upload(module, "twice-fw.swu", b"again")
    assert refused.value.status in (409, 423)


def test_a_rollout_goes_through_its_groups(server, hawkbit):
    names = [f"rolled-{number}" for number in range(4)]
    made = hawkbit.post("targets", [{"controllerId": name, "name": name} for name in names])
    _, dist_set, _ = hawkbit.software("rolled-fw", "1.0", b"rolled")
    rollout = hawkbit.post(
        "rollouts",
        {"name": "rolled", "distributionSetId": dist_set, "targetFilterQuery": "controllerId==rolled-*"}
        | {"amountGroups": 2, "successCondition": {"condition": "THRESHOLD", "expression": "100"}},
    )
    assert rollout["status"] == "creating"
    path = f"rollouts/{rollout['id']}"
    assert hawkbit.get(path)["status"] == "ready"
    hawkbit.post(f"{path}/start")
    devices = {target["controllerId"]: Device(server, target["controllerId"], target["securityToken"]) for target in made}
    for group in [names[:2], names[2:]]:
        for name in group:
            link = windlass.eventually(lambda name=name: devices[name].link("deploymentBase"), what="a deployment")
            action = devices[name].get(link)["id"]
            devices[name].report(action, "closed", "success")
    windlass.eventually(lambda: hawkbit.get(path)["status"] == "finished", what="the end of the rollout")
    assert hawkbit.get(path)["totalTargetsPerStatus"]["finished"] == 4
    for name in names:
        hawkbit.delete(f"targets/{name}")
