"""Jobs as the SDK's device side sees them."""

import contextlib
import hashlib
import json
import ssl
import subprocess
import urllib.request
import zlib

import pytest
from awsiot import iotjobs

import sdk
import windlass


@pytest.fixture(params=sdk.PROTOCOLS)
def device(server, request):
    """A fresh device with an open connection: (name, jobs client)."""
    with connected(server, request) as (name, connection):
        yield name, connection.service(iotjobs.IotJobsClientV2)


@contextlib.contextmanager
def connected(server, request):
    name = f"{request.param}-{zlib.crc32(request.node.name.encode()):x}"
    identity = server.device(name)
    with sdk.Connection(server, identity, name, request.param) as connection:
        yield name, connection


@pytest.fixture(params=sdk.PROTOCOLS)
def connection(server, request):
    """A fresh device with an open connection: (name, connection)."""
    with connected(server, request) as pair:
        yield pair


def custom(server, name, document=None):
    body = {"kind": "custom", "targets": {"devices": [name]}, "document": document or {"operation": "blink"}}
    return str(server.call("POST", "/jobs", body)["id"])


def start_next(client, name):
    request = iotjobs.StartNextPendingJobExecutionRequest(thing_name=name)
    return client.start_next_pending_job_execution(request).result(sdk.PATIENCE).execution


def update(client, name, job, status, **arguments):
    request = iotjobs.UpdateJobExecutionRequest(thing_name=name, job_id=job, status=status, **arguments)
    return client.update_job_execution(request).result(sdk.PATIENCE)


def started(client, name):
    """The job is offered by a background task: asks until it is there."""
    return windlass.eventually(lambda: start_next(client, name), what="a job to start")


def execution(server, job):
    return server.call("GET", f"/jobs/{job}/executions")["items"][0]


def test_a_job_is_started_reported_and_succeeds(server, device):
    name, client = device
    job = custom(server, name)
    taken = started(client, name)
    assert (taken.job_id, taken.status, taken.job_document) == (job, "IN_PROGRESS", {"operation": "blink"})
    assert taken.queued_at.year >= 2024, "epoch seconds, not milliseconds"
    update(client, name, job, "IN_PROGRESS", status_details={"phase": "installing", "progress": "50"})
    assert execution(server, job)["details"]["progress"] == "50"
    update(client, name, job, "SUCCEEDED")
    assert execution(server, job)["state"] == "succeeded"
    windlass.eventually(lambda: server.call("GET", f"/jobs/{job}")["state"] == "completed")
    assert start_next(client, name) is None


def test_a_job_may_be_rejected_by_the_device(server, device):
    name, client = device
    job = custom(server, name)
    started(client, name)
    update(client, name, job, "REJECTED", status_details={"reason": "not now"})
    assert execution(server, job)["state"] == "rejected"


def test_a_new_job_is_announced_and_described(server, device):
    name, client = device
    stream = sdk.Stream(
        client.create_next_job_execution_changed_stream,
        iotjobs.NextJobExecutionChangedSubscriptionRequest(thing_name=name),
    )
    job = custom(server, name)
    announced = stream.next()
    while announced.execution is None:
        announced = stream.next()
    assert announced.execution.job_id == job
    pending = client.get_pending_job_executions(
        iotjobs.GetPendingJobExecutionsRequest(thing_name=name)
    ).result(sdk.PATIENCE)
    assert [summary.job_id for summary in pending.queued_jobs] == [job]
    described = client.describe_job_execution(
        iotjobs.DescribeJobExecutionRequest(thing_name=name, job_id="$next", include_job_document=True)
    ).result(sdk.PATIENCE)
    assert described.execution.job_document == {"operation": "blink"}


def test_an_update_that_expects_another_version_is_rejected(server, device):
    name, client = device
    job = custom(server, name)
    taken = started(client, name)
    with pytest.raises(Exception) as refused:
        update(client, name, job, "SUCCEEDED", expected_version=taken.version_number + 7)
    assert refused.value.modeled_error.code == "VersionMismatch"
    assert execution(server, job)["state"] == "inProgress"


def test_a_job_that_has_ended_cannot_go_on(server, device):
    name, client = device
    job = custom(server, name)
    started(client, name)
    update(client, name, job, "FAILED", status_details={"reason": "no power"})
    with pytest.raises(Exception) as refused:
        update(client, name, job, "IN_PROGRESS")
    assert refused.value.modeled_error.code in ("TerminalStateReached", "InvalidStateTransition")
    assert execution(server, job)["state"] == "failed"


def test_the_job_of_another_device_is_not_found(server, device):
    name, client = device
    other = f"other-{name}"
    server.device(other)
    job = custom(server, other)
    with pytest.raises(Exception) as refused:
        update(client, name, job, "SUCCEEDED")
    assert refused.value.modeled_error.code == "ResourceNotFound"


def test_an_update_is_downloaded_installed_and_verified_by_what_the_device_reports(server, connection):
    name, connection = connection
    client = connection.service(iotjobs.IotJobsClientV2)
    content = f"firmware for {name}".encode() * 1000
    release = f"fw-{name}"
    server.release(release, "2.0.0", content)
    body = {"kind": "update", "targets": {"devices": [name]}, "release": {"name": release, "version": "2.0.0"}}
    job = str(server.call("POST", "/jobs", body)["id"])
    document = started(client, name).job_document
    assert document["operation"] == "update"
    artifact = document["components"][0]["artifacts"][0]
    context = ssl.create_default_context(cadata=server.ca_pem())
    with urllib.request.urlopen(artifact["url"], context=context, timeout=sdk.PATIENCE) as response:
        downloaded = response.read()
    assert downloaded == content
    assert artifact["sha256"] == hashlib.sha256(content).hexdigest()
    update(client, name, job, "SUCCEEDED", status_details={"version": "2.0.0"})
    assert execution(server, job)["verdict"] == "pending"
    reported = {"state": {"reported": {"firmware": {"version": "2.0.0"}}}}
    connection.publish(f"$aws/things/{name}/shadow/update", json.dumps(reported).encode())
    windlass.eventually(lambda: execution(server, job)["verdict"] == "verified")
    windlass.eventually(lambda: server.call("GET", f"/jobs/{job}")["state"] == "completed")


def curl(server, path, body):
    """Starts a POST by curl; its standard output is the answer, then the status on a line of its own."""
    return subprocess.Popen(
        ["curl", "--silent", "--show-error", "--max-time", str(sdk.PATIENCE), "--write-out", "\n%{http_code}"]
        + ["--header", f"Authorization: Bearer {server.token}", "--header", "Content-Type: application/json"]
        + ["--data", json.dumps(body), f"{server.http}/api/v1{path}"],
        stdout=subprocess.PIPE,
        text=True,
    )


def answer_of(process):
    text, status = process.communicate(timeout=sdk.PATIENCE)[0].rsplit("\n", 1)
    return int(status), json.loads(text)


def test_a_command_is_run_by_the_sdk_while_curl_waits_for_it(server, device):
    name, client = device
    body = {"command": "log", "arguments": {"lines": 2}, "expiresInSeconds": 600}
    waiting = curl(server, f"/devices/{name}/commands?wait=30s", body)
    taken = started(client, name)
    document = taken.job_document
    assert document.pop("expires") > taken.queued_at.timestamp()
    assert document == {"operation": "command", "command": "log", "arguments": {"lines": 2}}
    output = "one\ntwö " + "x" * 4000
    details = {"exitCode": "0", "output": output}
    update(client, name, taken.job_id, "SUCCEEDED", status_details=details)
    status, result = answer_of(waiting)
    assert status == 200
    assert (result["exitCode"], result["output"], result["outcome"]) == (0, output, "succeeded")
    assert str(result["job"]) == taken.job_id


def test_a_command_with_an_exit_code_failed_and_one_without_an_answer_is_accepted(server, device):
    name, client = device
    status, result = answer_of(curl(server, f"/devices/{name}/commands?wait=0s", {"command": "check"}))
    assert (status, result["state"]) == (202, "queued")
    taken = started(client, name)
    update(client, name, taken.job_id, "SUCCEEDED", status_details={"exitCode": "3", "output": "no"})
    ended = execution(server, taken.job_id)
    assert (ended["state"], ended["verdict"], ended["outcome"]) == ("succeeded", "refuted", "failed")
    assert (ended["exitCode"], ended["output"]) == (3, "no")
