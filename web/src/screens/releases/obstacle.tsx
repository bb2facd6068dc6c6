/** What keeps a release from being made that could be: a component that has its name. */
import { Button, Stack, Text } from "@mantine/core";

import type { Schemas } from "../../kit/api";
import { Go } from "../../kit/nav";
import { Notice } from "../../kit/parts";
import { bytes } from "../../ui/format";
import { Time } from "../../ui/Time";
import { releaseTo } from "./list";

/** A component of other files that has the name, and the ways out. */
export function Obstacle(props: {
  component: Schemas["Component"];
  replace: () => void;
  busy: boolean;
  held: boolean;
}) {
  const { name, version, type, artifacts, createdAt } = props.component;
  const releases = props.component.releases ?? [];
  const files = artifacts.map((file) => `${file.name} (${bytes(file.size)})`).join(", ");
  return (
    <Notice color="red" title="A component is in the way">
      <Stack gap="xs" align="flex-start">
        <Text size="sm" className="anywhere">
          Component {name} {version} of kind {type} was made <Time at={createdAt} /> of{" "}
          {files ? `other files: ${files}` : "no file"}.{" "}
          {releases.length > 0
            ? "It stays while a release has it: "
            : "No release has it: once it is deleted, yours can be made. It stays deleted if yours is refused then."}
          {releases.map((release, at) => (
            <span key={`${release.name} ${release.version}`}>
              {at > 0 ? ", " : ""}
              <Go to={releaseTo(release)} inText>{`${release.name} ${release.version}`}</Go>
            </span>
          ))}
          {releases.length > 0 ? ". Choose another name, version or kind." : ""}
        </Text>
        {releases.length > 0 ? null : (
          <Button
            size="compact-sm"
            color="red.9"
            loading={props.busy}
            disabled={props.held}
            onClick={props.replace}
          >
            Delete it and make the release
          </Button>
        )}
      </Stack>
    </Notice>
  );
}
