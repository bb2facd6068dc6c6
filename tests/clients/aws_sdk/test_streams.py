"""The files of a job over MQTT, on the topics of the AWS contract, through the SDK's MQTT 5 client."""

import base64
import concurrent.futures
import hashlib
import json
import queue

import pytest
from awscrt import mqtt5
from awsiot import mqtt5_client_builder

import windlass

PATIENCE = 20
BLOCK = 4096


class Device:
    """Connected, with everything that comes on a stream's topics in a queue."""

    def __init__(self, server, identity, name):
        self.name = name
        self.messages = queue.Queue()
        connected, self.stopped = concurrent.futures.Future(), concurrent.futures.Future()
        self.client = mqtt5_client_builder.mtls_from_bytes(
            endpoint="localhost", port=server.mqtt_port, client_id=name,
            cert_bytes=identity.certificate.encode(), pri_key_bytes=identity.key.encode(),
            ca_bytes=identity.ca.encode(),
            on_lifecycle_connection_success=lambda _: connected.set_result(None),
            on_lifecycle_stopped=lambda _: self.stopped.set_result(None),
            on_publish_received=lambda data: self.messages.put(data.publish_packet),
        )  # fmt: skip
        self.client.start()
        connected.result(PATIENCE)

    def subscribe(self, filter):
        subscription = mqtt5.Subscription(topic_filter=filter, qos=mqtt5.QoS.AT_LEAST_ONCE)
        packet = mqtt5.SubscribePacket(subscriptions=[subscription])
        return self.client.subscribe(packet).result(PATIENCE).reason_codes

    def ask(self, job, word, body):
        topic = f"$aws/things/{self.name}/streams/{job}/{word}/json"
        packet = mqtt5.PublishPacket(topic=topic, payload=json.dumps(body), qos=mqtt5.QoS.AT_LEAST_ONCE)
        self.client.publish(packet).result(PATIENCE)

    def next(self):
        packet = self.messages.get(timeout=PATIENCE)
        return packet.topic.split("/")[-2], json.loads(packet.payload)

    def close(self):
        self.client.stop()
        self.stopped.result(PATIENCE)


@pytest.fixture(scope="module")
def job(server):
    server.identity = server.device("pump")
    server.content = bytes((place * 7 + place // 251) % 256 for place in range(50_000))
    server.release("pump-fw", "2.0.0", server.content)
    body = {"kind": "update", "targets": {"devices": ["pump"]}, "release": {"name": "pump-fw", "version": "2.0.0"}}
    job = server.call("POST", "/jobs", body)["id"]
    windlass.eventually(lambda: server.call("GET", f"/jobs/{job}/executions")["items"])
    return job


@pytest.fixture
def pump(server, job):
    device = Device(server, server.identity, "pump")
    device.subscribe(f"$aws/things/pump/streams/{job}/+/json")
    yield device
    device.close()


def test_a_file_comes_whole_in_blocks(server, job, pump):
    pump.ask(job, "describe", {"c": "first"})
    word, described = pump.next()
    assert (word, described["c"], described["s"]) == ("description", "first", 1)
    [file] = described["r"]
    assert file["z"] == len(server.content)
    count = -(-file["z"] // BLOCK)
    pump.ask(job, "get", {"s": described["s"], "f": file["f"], "l": BLOCK, "o": 0, "n": count})
    blocks = {}
    for _ in range(count):
        word, block = pump.next()
        assert word == "data"
        blocks[block["i"]] = base64.b64decode(block["p"])
    content = b"".join(blocks[number] for number in sorted(blocks))
    assert hashlib.sha256(content).digest() == hashlib.sha256(server.content).digest()


def test_a_bitmap_asks_for_what_is_missing(server, job, pump):
    pump.ask(job, "get", {"f": 0, "l": BLOCK, "o": 2, "b": base64.b64encode(bytes([0b101])).decode()})
    found = {block["i"]: base64.b64decode(block["p"]) for _, block in (pump.next(), pump.next())}
    assert found == {number: server.content[number * BLOCK : (number + 1) * BLOCK] for number in (2, 4)}


def test_what_is_not_there_is_refused_with_a_code(job, pump):
    for body, code in [
        ({"f": 0, "l": 10}, "BlockSizeOutOfBounds"),
        ({"f": 0, "l": BLOCK, "o": 1000}, "OffsetOutOfBounds"),
        ({"f": 7, "l": BLOCK}, "ResourceNotFound"),
        ({"f": 0, "l": BLOCK, "n": 100_000}, "BlockCountLimitExceeded"),
        ({"f": 0, "l": BLOCK, "s": 3}, "VersionMismatch"),
    ]:
        pump.ask(job, "get", body)
        word, refused = pump.next()
        assert (word, refused["o"]) == ("rejected", code)


def test_another_device_gets_nothing(server, job):
    other = Device(server, server.device("valve"), "valve")
    try:
        assert other.subscribe(f"$aws/things/pump/streams/{job}/+/json")[0] >= 0x80
        other.subscribe(f"$aws/things/valve/streams/{job}/+/json")
        other.ask(job, "get", {"f": 0, "l": BLOCK})
        word, refused = other.next()
        assert (word, refused["o"]) == ("rejected", "ResourceNotFound")
    finally:
        other.close()
