"""`rauc-hawkbit`, RAUC's client in Python: its calls of the device interface, one update from poll to report, and a cancel.

The part that drives RAUC over D-Bus is left out: it needs a board.
"""

import asyncio
import hashlib
import re

import aiohttp
import pytest
from rauc_hawkbit.ddi.cancel_action import CancelStatusExecution, CancelStatusResult
from rauc_hawkbit.ddi.client import APIError, ConfigStatusExecution, ConfigStatusResult, DDIClient
from rauc_hawkbit.ddi.deployment_base import DeploymentStatusExecution as Execution
from rauc_hawkbit.ddi.deployment_base import DeploymentStatusResult as Result

BUNDLE = b"a bundle\n" * 50_000
LINK = re.compile(r"/deploymentBase/(?P<action>[^?]+)\?c=(?P<resource>.+)$")


@pytest.fixture(scope="module")
def hub(server):
    server.call("PUT", "/settings/hawkbit", {"values": {"authentication.targettoken.enabled": True}})
    for version in ["1", "2"]:
        server.release("os", version, BUNDLE + version.encode())
    return server


def talk(hub, device, steps):
    """Registers the device and lets `steps` speak as it."""
    hub.call("POST", "/devices", {"name": device})
    token = hub.call("PUT", f"/devices/{device}/token", {})["token"]

    async def session():
        async with aiohttp.ClientSession() as session:
            await steps(DDIClient(session, hub.http_address, False, token, "DEFAULT", device))

    asyncio.run(session())


def update(hub, device, version):
    """Starts an update of the device; how its execution stands, when asked."""
    body = {"kind": "update", "release": {"name": "os", "version": version}, "targets": {"devices": [device]}}
    job = hub.call("POST", "/jobs", body)["id"]
    return lambda: hub.call("GET", f"/jobs/{job}/executions")["items"][0]


async def offered(client, link="deploymentBase"):
    """Polls until something is offered, and returns its link."""
    for _ in range(200):
        links = (await client())["_links"]
        if link in links:
            return links[link]["href"]
        await asyncio.sleep(0.05)
    raise AssertionError(f"no {link} was offered")


def test_an_update_goes_from_poll_to_report(hub, tmp_path):
    async def steps(client):
        assert "configData" in (await client())["_links"]
        await client.configData(ConfigStatusExecution.closed, ConfigStatusResult.success, hw_revision="2")
        assert "configData" not in (await client())["_links"]
        standing = update(hub, "board-1", "1")
        found = LINK.search(await offered(client))
        action = found["action"]
        deployment = await client.deploymentBase[action](found["resource"])
        assert deployment["deployment"]["update"] == "forced"
        (chunk,) = deployment["deployment"]["chunks"]
        (artifact,) = chunk["artifacts"]
        progress = {"cnt": 1, "of": 2}
        await client.deploymentBase[action].feedback(Execution.proceeding, Result.none, ["downloading"], **progress)
        url = artifact["_links"]["download-http"]["href"]
        digest = await client.get_binary(url, tmp_path / "bundle")
        assert digest == artifact["hashes"]["md5"] == hashlib.md5((tmp_path / "bundle").read_bytes()).hexdigest()
        assert (tmp_path / "bundle").read_bytes() == BUNDLE + b"1"
        await client.get_binary(artifact["_links"]["md5sum-http"]["href"], tmp_path / "sum", mime="text/plain")
        assert (tmp_path / "sum").read_text() == f"{digest}  {artifact['filename']}"
        await client.deploymentBase[action].feedback(Execution.closed, Result.success, ["installed"])
        assert standing()["state"] == "succeeded"
        with pytest.raises(APIError, match="410"):
            await client.deploymentBase[action].feedback(Execution.closed, Result.success, ["again"])

    talk(hub, "board-1", steps)
    assert hub.call("GET", "/devices/board-1")["presence"] == "reachable"


def test_a_cancelation_is_read_and_agreed_to(hub):
    async def steps(client):
        standing = update(hub, "board-2", "2")
        action = LINK.search(await offered(client))["action"]
        await client.deploymentBase[action].feedback(Execution.proceeding, Result.none, ["downloading"])
        hub.call("POST", f"/executions/{action}/cancel", {})
        stop = (await offered(client, "cancelAction")).rsplit("/", 1)[1]
        assert (await client.cancelAction[stop]())["cancelAction"]["stopId"] == action
        await client.cancelAction[stop].feedback(CancelStatusExecution.closed, CancelStatusResult.success, ["stopped"])
        assert standing()["state"] == "canceled"
        assert "cancelAction" not in (await client()).get("_links", {})

    talk(hub, "board-2", steps)


def test_a_wrong_token_is_told_so(hub):
    async def steps(client):
        client.headers = {"Authorization": "TargetToken guessed"}
        with pytest.raises(APIError, match="401"):
            await client()

    talk(hub, "board-3", steps)
