"""Shadows as the SDK uses them, classic and named."""

import zlib

import pytest
from awsiot import iotshadow

import sdk


@pytest.fixture(params=sdk.PROTOCOLS)
def device(server, request):
    """A fresh device with an open connection: (name, shadow client)."""
    name = f"{request.param}-{zlib.crc32(request.node.name.encode()):x}"
    identity = server.device(name)
    with sdk.Connection(server, identity, name, request.param) as connection:
        yield name, connection.service(iotshadow.IotShadowClientV2)


def update(client, name, **arguments):
    state = iotshadow.ShadowState(**{key: arguments.pop(key) for key in ("reported", "desired") if key in arguments})
    request = iotshadow.UpdateShadowRequest(thing_name=name, state=state, **arguments)
    return client.update_shadow(request).result(sdk.PATIENCE)


def test_what_was_reported_is_read_back(server, device):
    name, client = device
    update(client, name, reported={"mode": "eco", "limits": {"high": 5}})
    got = client.get_shadow(iotshadow.GetShadowRequest(thing_name=name)).result(sdk.PATIENCE)
    assert got.state.reported == {"mode": "eco", "limits": {"high": 5}}
    assert got.version == 1
    assert got.timestamp.year >= 2024, "epoch seconds, not milliseconds"
    assert server.call("GET", f"/devices/{name}/shadow")["state"]["reported"]["mode"] == "eco"


def test_a_shadow_that_is_not_there_is_rejected_with_404(device):
    name, client = device
    with pytest.raises(Exception) as refused:
        client.get_shadow(iotshadow.GetShadowRequest(thing_name=name)).result(sdk.PATIENCE)
    assert refused.value.modeled_error.code == 404


def test_an_operators_wish_arrives_as_a_delta_until_the_device_reports_it(server, device):
    name, client = device
    update(client, name, reported={"mode": "eco"})
    stream = sdk.Stream(
        client.create_shadow_delta_updated_stream,
        iotshadow.ShadowDeltaUpdatedSubscriptionRequest(thing_name=name),
    )
    server.call("PATCH", f"/devices/{name}/shadow", {"desired": {"mode": "boost"}})
    delta = stream.next()
    assert delta.state == {"mode": "boost"}
    update(client, name, reported={"mode": "boost"})
    assert server.call("GET", f"/devices/{name}/shadow")["state"].get("delta") is None


def test_a_wish_of_before_the_connection_is_delivered_on_subscribing(server, device):
    name, client = device
    server.call("PATCH", f"/devices/{name}/shadow", {"desired": {"interval": 5}})
    stream = sdk.Stream(
        client.create_shadow_delta_updated_stream,
        iotshadow.ShadowDeltaUpdatedSubscriptionRequest(thing_name=name),
    )
    assert stream.next().state == {"interval": 5}


def test_an_update_with_an_old_version_conflicts_and_changes_nothing(device):
    name, client = device
    assert update(client, name, reported={"a": 1}).version == 1
    assert update(client, name, reported={"a": 2}, version=1).version == 2
    with pytest.raises(Exception) as refused:
        update(client, name, reported={"a": 3}, version=1)
    assert refused.value.modeled_error.code == 409
    got = client.get_shadow(iotshadow.GetShadowRequest(thing_name=name)).result(sdk.PATIENCE)
    assert got.state.reported == {"a": 2}


def test_a_named_shadow_lives_its_own_life(server, device):
    name, client = device
    update(client, name, reported={"classic": True})
    request = iotshadow.UpdateNamedShadowRequest(
        thing_name=name, shadow_name="network", state=iotshadow.ShadowState(reported={"rssi": -60})
    )
    assert client.update_named_shadow(request).result(sdk.PATIENCE).version == 1
    got = client.get_named_shadow(
        iotshadow.GetNamedShadowRequest(thing_name=name, shadow_name="network")
    ).result(sdk.PATIENCE)
    assert got.state.reported == {"rssi": -60}
    stream = sdk.Stream(
        client.create_named_shadow_delta_updated_stream,
        iotshadow.NamedShadowDeltaUpdatedSubscriptionRequest(thing_name=name, shadow_name="network"),
    )
    server.call("PATCH", f"/devices/{name}/shadows/network", {"desired": {"ssid": "plant"}})
    assert stream.next().state == {"ssid": "plant"}
    client.delete_named_shadow(
        iotshadow.DeleteNamedShadowRequest(thing_name=name, shadow_name="network")
    ).result(sdk.PATIENCE)
    with pytest.raises(Exception) as refused:
        client.get_named_shadow(
            iotshadow.GetNamedShadowRequest(thing_name=name, shadow_name="network")
        ).result(sdk.PATIENCE)
    assert refused.value.modeled_error.code == 404
    classic = client.get_shadow(iotshadow.GetShadowRequest(thing_name=name)).result(sdk.PATIENCE)
    assert classic.state.reported == {"classic": True}


def test_every_accepted_update_is_announced_with_before_and_after(device):
    name, client = device
    stream = sdk.Stream(
        client.create_shadow_updated_stream,
        iotshadow.ShadowUpdatedSubscriptionRequest(thing_name=name),
    )
    update(client, name, reported={"a": 1})
    first = stream.next()
    assert first.current.state.reported == {"a": 1}
    update(client, name, reported={"a": 2})
    second = stream.next()
    assert (second.previous.version, second.current.version) == (1, 2)


def test_nesting_beyond_six_levels_is_rejected(device):
    name, client = device
    deep = 1
    for _ in range(7):
        deep = {"x": deep}
    with pytest.raises(Exception) as refused:
        update(client, name, reported=deep)
    assert refused.value.modeled_error.code == 400
