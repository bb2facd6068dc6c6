// Why a device is in the state it is in, in a sentence, and what to do about it. Pure.
import type { Device } from "./StatusTab";

export function explain(device: Device): { why: string; action?: string } {
  if (device.decommissioning)
    return {
      why: "It is being taken out of service: the wipe command is under way.",
      action: "It goes out of service when the device has answered, or when the time for that is over.",
    };
  switch (device.lifecycle) {
    case "decommissioned":
      return { why: "It is out of service for good. It cannot connect." };
    case "suspended":
      return {
        why: "An operator suspended it. Its connections were closed and it cannot connect.",
        action: "Resume it to let it connect again.",
      };
    case "registered":
    case "active":
      break;
  }
  const ended = device.lastDisconnect ? ` Its last connection ended: ${device.lastDisconnect}.` : "";
  switch (device.presence) {
    case "connected":
      return { why: "It has a live connection." };
    case "reachable":
      return {
        why: `It has no connection now, but was heard within the time expected of its type.${ended}`,
      };
    case "overdue":
      return {
        why: `It was not heard for longer than expected of its type.${ended}`,
        action: "Check its power and network; refused attempts to connect are under Connection.",
      };
    case "never":
      return {
        why: "It has never been heard.",
        action:
          "Give it a credential under Credentials, or open the connect card; refused attempts are under Connection.",
      };
  }
}
