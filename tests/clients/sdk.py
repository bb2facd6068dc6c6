"""How a device connects with the AWS IoT device SDK, on MQTT 5 and 3.1.1 alike."""

import concurrent.futures
import queue

from awscrt import mqtt, mqtt5, mqtt_request_response
from awsiot import ServiceStreamOptions, mqtt5_client_builder, mqtt_connection_builder

PROTOCOLS = ["mqtt5", "mqtt311"]
PATIENCE = 20


class ConnectionRefused(Exception):
    """The server did not let the device in."""


class Connection:
    """A connected SDK client; `client` is what the SDK's service clients take."""

    def __init__(self, server, identity, client_id, protocol):
        self.protocol = protocol
        arguments = {
            "endpoint": "localhost",
            "port": server.mqtt_port,
            "cert_bytes": identity.certificate.encode(),
            "pri_key_bytes": identity.key.encode(),
            "ca_bytes": identity.ca.encode(),
            "client_id": client_id,
        }
        if protocol == "mqtt5":
            self._connect5(arguments)
        else:
            self.client = mqtt_connection_builder.mtls_from_bytes(
                **arguments, clean_session=True, keep_alive_secs=30
            )
            try:
                self.client.connect().result(PATIENCE)
            except Exception as error:
                raise ConnectionRefused(str(error)) from error

    def _connect5(self, arguments):
        connected = concurrent.futures.Future()
        self.stopped = concurrent.futures.Future()

        def success(data):
            if not connected.done():
                connected.set_result(data.connack_packet)

        def failure(data):
            if not connected.done():
                connected.set_exception(ConnectionRefused(str(data.connack_packet or data.exception)))

        self.client = mqtt5_client_builder.mtls_from_bytes(
            **arguments,
            on_lifecycle_connection_success=success,
            on_lifecycle_connection_failure=failure,
            on_lifecycle_stopped=lambda _: self.stopped.done() or self.stopped.set_result(None),
        )
        self.client.start()
        try:
            self.connack = connected.result(PATIENCE)
        except BaseException:
            self.client.stop()
            raise

    def service(self, service_client):
        """One of the SDK's V2 service clients on this connection."""
        options = mqtt_request_response.ClientOptions(
            max_request_response_subscriptions=4,
            max_streaming_subscriptions=4,
            operation_timeout_in_seconds=PATIENCE,
        )
        return service_client(self.client, options)

    def publish(self, topic, payload):
        """QoS 1; returns when the server has acknowledged."""
        if self.protocol == "mqtt5":
            packet = mqtt5.PublishPacket(topic=topic, payload=payload, qos=mqtt5.QoS.AT_LEAST_ONCE)
            return self.client.publish(packet).result(PATIENCE).puback
        future, _ = self.client.publish(topic=topic, payload=payload, qos=mqtt.QoS.AT_LEAST_ONCE)
        return future.result(PATIENCE)

    def close(self):
        if self.protocol == "mqtt5":
            self.client.stop()
            self.stopped.result(PATIENCE)
        else:
            self.client.disconnect().result(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Stream:
    """An open stream of one of the SDK's service clients, as a queue."""

    def __init__(self, create, request):
        self.events = queue.Queue()
        established = concurrent.futures.Future()

        def status(event):
            if not established.done() and event.type == mqtt_request_response.SubscriptionStatusEventType.SUBSCRIPTION_ESTABLISHED:
                established.set_result(None)

        options = ServiceStreamOptions(
            incoming_event_listener=self.events.put, subscription_status_listener=status
        )
        self.operation = create(request, options)
        self.operation.open()
        established.result(PATIENCE)

    def next(self):
        return self.events.get(timeout=PATIENCE)
