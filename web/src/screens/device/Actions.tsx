// What is done to a device as a whole: hold it, let it go on, bring it in again, take it out of service.
import { Button, Menu } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, take, version } from "../../api/client";
import { useCan } from "../../session/session";
import { useConfirm } from "../../ui/confirm";
import { IconDown } from "../../ui/icons";
import { done, failed } from "../../ui/toast";
import { Decommission } from "./Decommission";
import { Replace } from "./Replace";
import type { Device } from "./StatusTab";

export function DeviceActions({ device }: { device: Device }) {
  const can = useCan();
  const confirm = useConfirm();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [open, setOpen] = useState<"replace" | "decommission">();
  const params = { path: { name: device.name }, header: { "If-Match": version(device.version) } };
  const refresh = () =>
    Promise.all(
      ["device", "credential", "execution", "event"].map((kind) =>
        client.invalidateQueries({ queryKey: [kind] }),
      ),
    );

  const suspend = async () => {
    const yes = await confirm({
      title: `Suspend ${device.name}?`,
      effects: [
        "Its connections are closed within a second.",
        "It cannot connect until it is resumed.",
        "Nothing is deleted.",
      ],
      action: "Suspend",
      danger: true,
      run: () => take(api.POST("/api/v1/devices/{name}/suspend", { params })),
    });
    if (yes) done(`${device.name} is suspended.`);
    await refresh();
  };
  const resume = async () => {
    try {
      await take(api.POST("/api/v1/devices/{name}/resume", { params }));
      done(`${device.name} may connect again.`);
    } catch (error) {
      failed(error);
    }
    await refresh();
  };
  const remove = async () => {
    const yes = await confirm({
      title: `Delete the record of ${device.name}?`,
      effects: [
        "Its attributes, shadows, telemetry and events are gone for good.",
        "What was done to it stays in the audit.",
        "The name becomes free for another device.",
      ],
      action: "Delete",
      danger: true,
      type: device.name,
      run: () =>
        take(
          api.DELETE("/api/v1/devices/{name}", {
            params: { ...params, query: { reuseName: true } } as typeof params,
          }),
        ),
    });
    if (!yes) return;
    done(`${device.name} is deleted.`);
    await navigate({ to: "/devices" });
    client.removeQueries({ queryKey: ["device", device.name] });
    await client.invalidateQueries({ queryKey: ["device", "list"] });
  };

  const gone = device.lifecycle === "decommissioned";
  const mayEnd = can("device.lifecycle");
  return (
    <>
      {!gone && can("credential.issue") ? (
        <Button
          variant="default"
          onClick={() => void navigate({ to: "/connect", search: { device: device.name } })}
        >
          Connect
        </Button>
      ) : null}
      {mayEnd ? (
        <>
          <Menu position="bottom-end" width={230}>
            <Menu.Target>
              <Button variant="default" rightSection={<IconDown />}>
                Actions
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              {device.lifecycle === "suspended" ? (
                <Menu.Item onClick={() => void resume()}>Resume</Menu.Item>
              ) : (
                <Menu.Item disabled={gone} onClick={() => void suspend()}>
                  Suspend…
                </Menu.Item>
              )}
              <Menu.Item disabled={gone} onClick={() => setOpen("replace")}>
                Replace its hardware…
              </Menu.Item>
              <Menu.Divider />
              <Menu.Item disabled={gone} onClick={() => setOpen("decommission")}>
                Take out of service…
              </Menu.Item>
              <Menu.Item onClick={() => void remove()}>Delete the record…</Menu.Item>
            </Menu.Dropdown>
          </Menu>
          <Replace
            device={device}
            opened={open === "replace"}
            onClose={() => setOpen(undefined)}
            onDone={refresh}
          />
          <Decommission
            device={device}
            opened={open === "decommission"}
            onClose={() => setOpen(undefined)}
            onDone={refresh}
          />
        </>
      ) : null}
    </>
  );
}
