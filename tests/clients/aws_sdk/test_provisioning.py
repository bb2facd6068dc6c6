"""Fleet provisioning as the SDK does it: claim, signing request, template, reconnect."""

import json

import pytest
from awsiot import iotidentity, iotshadow

import sdk
import windlass


@pytest.fixture(scope="module")
def claim(server):
    server.template("line")
    return server.claim("line-1")


def provision(server, claim, protocol, name):
    """Runs the whole flow and returns the identity that came out of it."""
    key, csr = windlass.key_and_request(name)
    with sdk.Connection(server, claim, f"claim-{name}", protocol) as connection:
        identity = connection.service(iotidentity.IotIdentityClientV2)
        created = identity.create_certificate_from_csr(
            iotidentity.CreateCertificateFromCsrRequest(certificate_signing_request=csr)
        ).result(sdk.PATIENCE)
        registered = identity.register_thing(
            iotidentity.RegisterThingRequest(
                template_name="line",
                certificate_ownership_token=created.certificate_ownership_token,
                parameters={"SerialNumber": name},
            )
        ).result(sdk.PATIENCE)
    assert registered.thing_name == name
    assert registered.device_configuration == {"region": "eu"}
    return windlass.Identity(created.certificate_pem, key, claim.ca)


@pytest.mark.parametrize("protocol", sdk.PROTOCOLS)
def test_a_device_provisions_itself_and_comes_back_with_its_own_certificate(server, claim, protocol):
    name = f"pump-{protocol}"
    own = provision(server, claim, protocol, name)
    assert server.call("GET", f"/devices/{name}")["attributes"]["site"] == "berlin"
    with sdk.Connection(server, own, name, protocol) as connection:
        shadows = connection.service(iotshadow.IotShadowClientV2)
        reported = iotshadow.ShadowState(reported={"firmware": {"version": "1.0.0"}})
        updated = shadows.update_shadow(
            iotshadow.UpdateShadowRequest(thing_name=name, state=reported)
        ).result(sdk.PATIENCE)
        assert updated.version == 1
    windlass.eventually(lambda: server.call("GET", f"/devices/{name}")["lifecycle"] == "active")


@pytest.mark.parametrize("protocol", sdk.PROTOCOLS)
def test_a_name_that_lives_is_never_taken_over(server, claim, protocol):
    name = f"taken-{protocol}"
    own = provision(server, claim, protocol, name)
    with sdk.Connection(server, own, name, protocol):
        pass
    key, csr = windlass.key_and_request(name)
    with sdk.Connection(server, claim, f"thief-{name}", protocol) as connection:
        identity = connection.service(iotidentity.IotIdentityClientV2)
        created = identity.create_certificate_from_csr(
            iotidentity.CreateCertificateFromCsrRequest(certificate_signing_request=csr)
        ).result(sdk.PATIENCE)
        with pytest.raises(Exception) as refused:
            identity.register_thing(
                iotidentity.RegisterThingRequest(
                    template_name="line",
                    certificate_ownership_token=created.certificate_ownership_token,
                    parameters={"SerialNumber": name},
                )
            ).result(sdk.PATIENCE)
        assert refused.value.modeled_error.status_code in (400, 403)
    thief = windlass.Identity(created.certificate_pem, key, claim.ca)
    with pytest.raises(sdk.ConnectionRefused):
        sdk.Connection(server, thief, name, protocol)
    with sdk.Connection(server, own, name, protocol):
        pass


@pytest.mark.parametrize("protocol", sdk.PROTOCOLS)
def test_an_ownership_token_works_once_and_a_made_up_one_never(server, claim, protocol):
    _, csr = windlass.key_and_request("once")
    with sdk.Connection(server, claim, f"once-{protocol}", protocol) as connection:
        identity = connection.service(iotidentity.IotIdentityClientV2)
        created = identity.create_certificate_from_csr(
            iotidentity.CreateCertificateFromCsrRequest(certificate_signing_request=csr)
        ).result(sdk.PATIENCE)

        def register(token, name):
            return identity.register_thing(
                iotidentity.RegisterThingRequest(
                    template_name="line",
                    certificate_ownership_token=token,
                    parameters={"SerialNumber": name},
                )
            ).result(sdk.PATIENCE)

        register(created.certificate_ownership_token, f"once-{protocol}")
        for token in [created.certificate_ownership_token, "made-up"]:
            with pytest.raises(Exception) as refused:
                register(token, f"twice-{protocol}")
            assert refused.value.modeled_error.error_code == "InvalidCertificateOwnershipToken"
    with pytest.raises(windlass.Refused) as missing:
        server.call("GET", f"/devices/twice-{protocol}")
    assert missing.value.status == 404


@pytest.mark.parametrize("protocol", sdk.PROTOCOLS)
def test_a_request_that_is_no_csr_is_rejected_with_the_contracts_code(server, claim, protocol):
    with sdk.Connection(server, claim, f"bad-{protocol}", protocol) as connection:
        identity = connection.service(iotidentity.IotIdentityClientV2)
        with pytest.raises(Exception) as refused:
            identity.create_certificate_from_csr(
                iotidentity.CreateCertificateFromCsrRequest(certificate_signing_request="not a request")
            ).result(sdk.PATIENCE)
        assert refused.value.modeled_error.error_code == "InvalidCsr"
        assert refused.value.modeled_error.status_code == 400


def test_a_claim_certificate_may_do_nothing_else(server, claim):
    with sdk.Connection(server, claim, "curious", "mqtt5") as connection:
        puback = connection.publish("devices/pump-mqtt5/telemetry", json.dumps({"temperature": 1}).encode())
        assert puback.reason_code >= 0x80
