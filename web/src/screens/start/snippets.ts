// Programs that connect one device, with its names, certificates and address filled in. Pure.

export interface Where {
  name: string;
  host: string;
  port: number;
  certificatePem: string;
  privateKeyPem: string;
  caPem: string;
}

export interface SnippetOf {
  id: string;
  label: string;
  /** What must be there first. */
  needs: string;
  text: (where: Where) => string;
}

const trim = (pem: string) => pem.trimEnd();
const files = ({ name }: Where) => ({ certificate: `${name}.pem`, key: `${name}.key` });

/** Writes the three files; for a terminal. */
export function shellFiles(where: Where): string {
  const { certificate, key } = files(where);
  return [
    "umask 077",
    `cat > ca.pem <<'EOF'\n${trim(where.caPem)}\nEOF`,
    `cat > ${certificate} <<'EOF'\n${trim(where.certificatePem)}\nEOF`,
    `cat > ${key} <<'EOF'\n${trim(where.privateKeyPem)}\nEOF`,
  ].join("\n");
}

export const SNIPPETS: SnippetOf[] = [
  {
    id: "mosquitto",
    label: "mosquitto_pub",
    needs: "The three files beside it, and mosquitto's clients (package mosquitto-clients).",
    text: (where) => {
      const { certificate, key } = files(where);
      return `mosquitto_pub -h ${where.host} -p ${where.port} \\
  --cafile ca.pem --cert ${certificate} --key ${key} \\
  -V mqttv5 -i ${where.name} -q 1 \\
  -t devices/${where.name}/telemetry -m '{"temp": 21.5}'`;
    },
  },
  {
    id: "curl",
    label: "curl",
    needs: "The three files beside it. One message per request; nothing stays connected.",
    text: (where) => {
      const { certificate, key } = files(where);
      return `curl --cacert ca.pem --cert ${certificate} --key ${key} \\
  'https://${where.host}:${where.port}/topics/devices/${where.name}/telemetry?qos=1' \\
  --data '{"temp": 21.5}'`;
    },
  },
  {
    id: "python",
    label: "Python",
    needs: "The three files beside it, and: pip install awsiotsdk",
    text: (where) => {
      const { certificate, key } = files(where);
      return `import json, time
from awscrt import mqtt
from awsiot import mqtt_connection_builder

connection = mqtt_connection_builder.mtls_from_path(
    endpoint="${where.host}", port=${where.port},
    cert_filepath="${certificate}", pri_key_filepath="${key}", ca_filepath="ca.pem",
    client_id="${where.name}", clean_session=False, keep_alive_secs=60,
)
connection.connect().result()
while True:
    sent, _ = connection.publish(
        topic="devices/${where.name}/telemetry",
        payload=json.dumps({"temp": 21.5}), qos=mqtt.QoS.AT_LEAST_ONCE,
    )
    sent.result()
    time.sleep(10)`;
    },
  },
  {
    id: "esp-idf",
    label: "ESP-IDF",
    needs: `ESP-IDF 5; the files in main/ and named in EMBED_TXTFILES of main/CMakeLists.txt; Wi-Fi connected first.`,
    text: (where) => {
      const symbol = (file: string) => `_binary_${file.replace(/[^A-Za-z0-9]/g, "_")}_start`;
      const { certificate, key } = files(where);
      return `#include "mqtt_client.h"

extern const char ca_pem[]   asm("${symbol("ca.pem")}");
extern const char cert_pem[] asm("${symbol(certificate)}");
extern const char key_pem[]  asm("${symbol(key)}");

static void on_mqtt(void *arg, esp_event_base_t base, int32_t id, void *data)
{
    esp_mqtt_event_handle_t event = data;
    if (id == MQTT_EVENT_CONNECTED)
        esp_mqtt_client_publish(event->client, "devices/${where.name}/telemetry",
                                "{\\"temp\\": 21.5}", 0, 1, 0);
}

void windlass_start(void)
{
    esp_mqtt_client_config_t config = {
        .broker.address.uri = "mqtts://${where.host}:${where.port}",
        .broker.verification.certificate = ca_pem,
        .credentials.client_id = "${where.name}",
        .credentials.authentication = { .certificate = cert_pem, .key = key_pem },
    };
    esp_mqtt_client_handle_t client = esp_mqtt_client_init(&config);
    esp_mqtt_client_register_event(client, ESP_EVENT_ANY_ID, on_mqtt, NULL);
    esp_mqtt_client_start(client);
}`;
    },
  },
  {
    id: "zephyr",
    label: "Zephyr",
    needs:
      "CONFIG_MQTT_LIB=y, CONFIG_MQTT_LIB_TLS=y, CONFIG_TLS_CREDENTIALS=y, and the files turned into *.inc by generate_inc_file_for_target. Address resolved with getaddrinfo into `broker`.",
    text: (where) => `#include <zephyr/net/mqtt.h>
#include <zephyr/net/tls_credentials.h>

#define TAG 1
static const char ca[]   = { /* ca.pem */   0 };
static const char cert[] = { /* ${where.name}.pem */ 0 };
static const char key[]  = { /* ${where.name}.key */ 0 };
static sec_tag_t tags[] = { TAG };
static uint8_t rx[1024], tx[1024];
static struct mqtt_client client;

int windlass_start(struct sockaddr_storage *broker, mqtt_evt_cb_t on_event)
{
    tls_credential_add(TAG, TLS_CREDENTIAL_CA_CERTIFICATE, ca, sizeof(ca));
    tls_credential_add(TAG, TLS_CREDENTIAL_SERVER_CERTIFICATE, cert, sizeof(cert));
    tls_credential_add(TAG, TLS_CREDENTIAL_PRIVATE_KEY, key, sizeof(key));

    mqtt_client_init(&client);
    client.broker = broker;                     /* ${where.host}, port ${where.port} */
    client.evt_cb = on_event;
    client.client_id.utf8 = (uint8_t *)"${where.name}";
    client.client_id.size = sizeof("${where.name}") - 1;
    client.protocol_version = MQTT_VERSION_3_1_1;
    client.rx_buf = rx; client.rx_buf_size = sizeof(rx);
    client.tx_buf = tx; client.tx_buf_size = sizeof(tx);
    client.transport.type = MQTT_TRANSPORT_SECURE;
    client.transport.tls.config.peer_verify = TLS_PEER_VERIFY_REQUIRED;
    client.transport.tls.config.sec_tag_list = tags;
    client.transport.tls.config.sec_tag_count = 1;
    client.transport.tls.config.hostname = "${where.host}";
    return mqtt_connect(&client);               /* then publish to devices/${where.name}/telemetry */
}`,
  },
  {
    id: "arduino",
    label: "Arduino",
    needs:
      "An ESP32 board, the library PubSubClient, your Wi-Fi filled in. The clock must be right before TLS.",
    text: (where) => `#include <WiFi.h>
#include <WiFiClientSecure.h>
#include <PubSubClient.h>

const char *CA = R"EOF(
${trim(where.caPem)}
)EOF";
const char *CERT = R"EOF(
${trim(where.certificatePem)}
)EOF";
const char *KEY = R"EOF(
${trim(where.privateKeyPem)}
)EOF";

WiFiClientSecure tls;
PubSubClient mqtt(tls);

void setup() {
  WiFi.begin("your network", "its password");
  while (WiFi.status() != WL_CONNECTED) delay(200);
  configTime(0, 0, "pool.ntp.org");
  while (time(nullptr) < 1700000000) delay(200);
  tls.setCACert(CA); tls.setCertificate(CERT); tls.setPrivateKey(KEY);
  mqtt.setServer("${where.host}", ${where.port});
}

void loop() {
  if (!mqtt.connected()) { mqtt.connect("${where.name}"); delay(1000); }
  mqtt.loop();
  static unsigned long last = 0;
  if (mqtt.connected() && millis() - last > 10000) {
    last = millis();
    mqtt.publish("devices/${where.name}/telemetry", "{\\"temp\\": 21.5}");
  }
}`,
  },
  {
    id: "swupdate",
    label: "SWUpdate",
    needs:
      "The three files beside it, and SWUpdate with suricatta and hawkBit. Start it with: swupdate -f swupdate.cfg -u '-p 30' and the certificate that signs your images (-k). It polls for updates and sends no telemetry.",
    text: (where) => {
      const { certificate, key } = files(where);
      return `globals : {};
suricatta :
{
  tenant = "DEFAULT";
  id = "${where.name}";
  url = "https://${where.host}:${where.port}";
  cafile = "ca.pem";
  sslcert = "${certificate}";
  sslkey = "${key}";
  polldelay = 30;
};`;
    },
  },
  {
    id: "rauc",
    label: "RAUC",
    needs:
      "rauc-hawkbit-updater 1.4 or later, the files at these places, and ca.pem among the system's authorities (update-ca-certificates). It polls for updates and sends no telemetry.",
    text: (where) => {
      const { certificate, key } = files(where);
      return `[client]
hawkbit_server = ${where.host}:${where.port}
ssl = true
ssl_verify = true
ssl_cert = /etc/windlass/${certificate}
ssl_key = /etc/windlass/${key}
tenant_id = DEFAULT
target_name = ${where.name}
bundle_download_location = /tmp/bundle.raucb

[device]
hw_revision = 1`;
    },
  },
];
