// A certificate, its key and the CA, to be taken away once.
import { Button, Group, Stack, Text } from "@mantine/core";
import type { Schemas } from "../../api/client";
import { IconDownload } from "../../ui/icons";
import { Note } from "../../ui/Note";
import { save } from "../../ui/save";
import { Snippet } from "../../ui/Snippet";

/** A certificate that was signed or made; where the server made it, its key is with it. */
export type Made = Schemas["SignedCredential"] & { privateKeyPem?: string | null };

export function KeyFiles(props: { name: string; made: Made; onClose?: () => void }) {
  const { name, made } = props;
  return (
    <Stack gap="sm">
      {made.privateKeyPem ? (
        <Note tone="warn" title="The key is shown once">
          <Text size="sm">
            The server does not keep it. Download it now, and keep it where only the device can read it.
          </Text>
        </Note>
      ) : null}
      <Group gap={8}>
        <Button
          variant="default"
          leftSection={<IconDownload />}
          onClick={() => save(`${name}.pem`, made.certificatePem)}
        >
          Certificate
        </Button>
        {made.privateKeyPem ? (
          <Button
            variant="default"
            leftSection={<IconDownload />}
            onClick={() => save(`${name}.key`, made.privateKeyPem ?? "")}
          >
            Key
          </Button>
        ) : null}
        <Button variant="default" leftSection={<IconDownload />} onClick={() => save("ca.pem", made.caPem)}>
          CA
        </Button>
      </Group>
      <Snippet text={made.certificatePem} label="the certificate" />
      {props.onClose ? (
        <Group justify="flex-end">
          <Button onClick={props.onClose}>I have them</Button>
        </Group>
      ) : null}
    </Stack>
  );
}
