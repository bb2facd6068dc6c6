import { Link } from "@tanstack/react-router";
import type { Schemas } from "../../api/client";
import type { Column } from "../../list/ListTable";
import { Clip } from "../../ui/Clip";
import { StateOf } from "../../ui/Status";
import { Tags } from "../../ui/Tags";
import { Time } from "../../ui/Time";

export type Device = Schemas["Device"];

/** Columns of the device list; `attribute.<key>` and `inventory.<key>` can be added to them. */
export const COLUMNS: Column<Device>[] = [
  {
    id: "name",
    head: "Name",
    sort: "name",
    cell: (device) => (
      <Link to="/devices/$name" params={{ name: device.name }} className="link" tabIndex={-1}>
        <Clip>{device.name}</Clip>
      </Link>
    ),
  },
  {
    id: "presence",
    head: "Presence",
    cell: (device) => <StateOf state={device.presence} title={device.lastDisconnect ?? undefined} />,
  },
  {
    id: "type",
    head: "Type",
    sort: "type",
    wide: true,
    cell: (device) => (device.type ? <Clip>{device.type}</Clip> : <span className="quiet">none</span>),
  },
  { id: "lifecycle", head: "Lifecycle", wide: true, cell: (device) => <StateOf state={device.lifecycle} /> },
  { id: "tags", head: "Tags", wide: true, cell: (device) => <Tags tags={device.tags} most={3} /> },
  {
    id: "contact",
    head: "Last contact",
    sort: "lastContactAt",
    wide: true,
    cell: (device) => <Time at={device.lastContactAt} />,
  },
  {
    id: "firmware",
    head: "Firmware",
    extra: true,
    wide: true,
    cell: (device) => (
      <Clip mono>{device.inventory["firmware.version"] ?? device.inventory.firmware ?? "–"}</Clip>
    ),
  },
  {
    id: "groups",
    head: "Groups",
    extra: true,
    wide: true,
    cell: (device) => <Tags tags={device.groups} most={3} />,
  },
  { id: "kind", head: "Kind", extra: true, wide: true, cell: (device) => device.kind },
  {
    id: "parent",
    head: "Gateway",
    extra: true,
    wide: true,
    cell: (device) => (device.parent ? <Clip>{device.parent}</Clip> : "–"),
  },
  {
    id: "attributes",
    head: "Attributes",
    extra: true,
    wide: true,
    cell: (device) => (
      <Clip>
        {Object.entries(device.attributes)
          .map(([key, value]) => `${key}=${value}`)
          .join("  ") || "–"}
      </Clip>
    ),
  },
  {
    id: "created",
    head: "Registered",
    sort: "createdAt",
    extra: true,
    wide: true,
    cell: (device) => <Time at={device.createdAt} />,
  },
];
