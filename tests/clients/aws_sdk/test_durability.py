"""What was acknowledged survives the hardest end a server can have."""

import json

import pytest
from awsiot import iotshadow

import sdk
import windlass


@pytest.mark.parametrize("protocol", sdk.PROTOCOLS)
def test_acknowledged_telemetry_and_shadows_survive_kill_9(own_server, protocol):
    server = own_server
    identity = server.device("pump")
    acknowledged = 0
    with sdk.Connection(server, identity, "pump", protocol) as connection:
        shadows = connection.service(iotshadow.IotShadowClientV2)
        shadows.update_shadow(
            iotshadow.UpdateShadowRequest(thing_name="pump", state=iotshadow.ShadowState(reported={"a": 1}))
        ).result(sdk.PATIENCE)
        for count in range(1, 51):
            connection.publish("devices/pump/telemetry", json.dumps({"count": count}).encode())
            acknowledged = count
        server.kill()
    server.start()
    windlass.eventually(lambda: server.last_value("pump", "count") == acknowledged)
    points = server.call("GET", "/devices/pump/telemetry/count")["points"]
    assert [point["value"] for point in points] == list(range(1, 51))
    assert server.call("GET", "/devices/pump/shadow")["state"]["reported"] == {"a": 1}
    with sdk.Connection(server, identity, "pump", protocol) as connection:
        connection.publish("devices/pump/telemetry", json.dumps({"count": 51}).encode())
    windlass.eventually(lambda: server.last_value("pump", "count") == 51)
