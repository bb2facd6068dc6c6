"""Alerts reach real receivers: a mail server that others wrote, and a webhook receiver in a process of its own."""

import base64
import hashlib
import hmac
import json

import pytest
from awsiot import iotjobs

import receiver
import sdk
import windlass


@pytest.fixture
def receivers(tmp_path):
    started = {kind: receiver.Process(kind, tmp_path) for kind in ("webhook", "smtp")}
    yield started
    for one in started.values():
        one.stop()


@pytest.fixture
def node(tmp_path, receivers):
    settings = {
        "WINDLASS_OUTBOUND_ALLOW": "127.0.0.1",
        "WINDLASS_SMTP__HOST": "127.0.0.1",
        "WINDLASS_SMTP__PORT": str(receivers["smtp"].port),
        "WINDLASS_SMTP__TLS": "none",
        "WINDLASS_SMTP__FROM": "windlass@example.com",
    }
    node = windlass.Server(tmp_path, settings)
    node.start()
    yield node
    node.stop()


def webhook(node, hook, name="hook"):
    """Makes a channel; the key that its messages are signed with."""
    spec = {"kind": "webhook", "url": f"http://127.0.0.1:{hook.port}/hook"}
    made = node.call("PUT", f"/notifications/{name}", spec)
    return base64.b64decode(made["secret"].removeprefix("whsec_"))


def messages(hook, key):
    """Every message that was received, its signature checked as Standard Webhooks say."""
    found = []
    for got in map(json.loads, hook.received()):
        head, body = got["headers"], base64.b64decode(got["body"])
        signed = f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + body
        wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert head["webhook-signature"] == f"v1,{wanted}"
        message = json.loads(body)
        assert message["id"] == head["webhook-id"]
        found.append(message)
    return found


def stop_a_rollout(node):
    """A job that no failure is allowed in, and a device that fails it."""
    identity = node.device("pump-1")
    with sdk.Connection(node, identity, "pump-1", sdk.PROTOCOLS[0]) as connection:
        client = connection.service(iotjobs.IotJobsClientV2)
        job = node.call(
            "POST",
            "/jobs",
            {
                "kind": "custom",
                "description": "blink <b>all</b>",
                "document": {"operation": "blink"},
                "targets": {"devices": ["pump-1"]},
                "failureThreshold": {"count": 0},
            },
        )["id"]
        request = iotjobs.StartNextPendingJobExecutionRequest(thing_name="pump-1")
        start = lambda: client.start_next_pending_job_execution(request).result(sdk.PATIENCE).execution
        windlass.eventually(start, what="a job to start")
        failed = iotjobs.UpdateJobExecutionRequest(thing_name="pump-1", job_id=str(job), status="FAILED")
        client.update_job_execution(failed).result(sdk.PATIENCE)
    return job


def test_a_stopped_rollout_arrives_signed_and_by_mail_and_its_end_too(node, receivers):
    key = webhook(node, receivers["webhook"])
    to = ["ops@example.com", "olga@example.com"]
    node.call("PUT", "/notifications/mail", {"kind": "email", "to": to, "minimumSeverity": "error"})
    job = stop_a_rollout(node)
    opened = windlass.eventually(lambda: messages(receivers["webhook"], key), what="a webhook")[0]
    assert opened["event"] == "alert.opened"
    assert (opened["alert"]["kind"], opened["alert"]["job"]) == ("rolloutStopped", job)
    assert opened["alert"] == node.call("GET", f"/alerts/{opened['alert']['id']}"), "as REST shows it"
    mail = windlass.eventually(lambda: receivers["smtp"].mails(), what="a mail")[0]
    assert mail["Subject"] == f"[error] Rollout {job} stopped"
    assert (mail["To"], mail["From"]) == (", ".join(to), "windlass@example.com")
    assert mail["X-Envelope-To"] == " ".join(to)
    assert "What to do:" in mail.get_content() and "blink <b>all</b>" in mail.get_content()
    node.call("POST", f"/jobs/{job}/cancel")
    windlass.eventually(lambda: len(messages(receivers["webhook"], key)) == 2, what="the end of it")
    closed = messages(receivers["webhook"], key)[1]
    assert (closed["event"], closed["alert"]["state"]) == ("alert.closed", "closed")
    windlass.eventually(lambda: len(receivers["smtp"].mails()) == 2, what="the mail about its end")
    deliveries = node.call("GET", "/notifications/hook/deliveries")["items"]
    assert [one["state"] for one in deliveries] == ["delivered", "delivered"]


def test_a_receiver_that_was_down_hears_once_after_a_restart(node, receivers, tmp_path):
    key = webhook(node, receivers["webhook"])
    port = receivers["webhook"].port
    receivers["webhook"].stop()
    stop_a_rollout(node)

    def tried():
        items = node.call("GET", "/notifications/hook/deliveries")["items"]
        return items and items[0]["attempts"] >= 1 and items[0].get("lastError") and items[0]

    before = windlass.eventually(tried, what="a try that failed")
    assert before["state"] == "waiting"
    node.kill()
    receivers["webhook"] = receiver.Process("webhook", tmp_path, port)
    node.start()
    got = windlass.eventually(lambda: messages(receivers["webhook"], key), 90, "a webhook after the restart")
    assert got[0]["id"] == before["messageId"], "the id is the same for every try"
    delivered = lambda: node.call("GET", "/notifications/hook/deliveries")["items"][0]["state"] == "delivered"
    windlass.eventually(delivered, what="a delivery that is noted")
    node.stop()
    node.start()
    webhook_again = node.call("POST", "/notifications/hook/test")
    assert webhook_again["outcome"] == "delivered"
    events = [message["event"] for message in messages(receivers["webhook"], key)]
    assert events == ["alert.opened", "test"], "nothing is told twice"


def test_a_channel_is_tried_out_and_says_why_it_does_not_work(node, receivers):
    webhook(node, receivers["webhook"])
    node.call("PUT", "/notifications/mail", {"kind": "email", "to": ["ops@example.com"]})
    assert node.call("GET", "/server")["mail"] is True
    for name in ("hook", "mail"):
        assert node.call("POST", f"/notifications/{name}/test")["outcome"] == "delivered"
    assert receivers["smtp"].mails()[0]["Subject"] == "Windlass: a test"
    for one in receivers.values():
        one.stop()
    for name in ("hook", "mail"):
        tested = node.call("POST", f"/notifications/{name}/test")
        assert (tested["outcome"], "refused" in tested["detail"].lower()) == ("failed", True), tested


def test_nothing_of_a_channel_becomes_a_header_or_another_recipient(node, receivers):
    for bad in ["a@b.c\r\nBcc: eve@example.com", "a@b.c, eve@example.com", "<a@b.c>", "a b@c.d"]:
        with pytest.raises(windlass.Refused) as refused:
            node.call("PUT", "/notifications/mail", {"kind": "email", "to": [bad]})
        assert refused.value.problem["errors"][0]["field"] == "to.0"
    assert node.call("GET", "/notifications")["items"] == []
