// What the navigation shows, in its order. An entry is left out where the role may not see what it leads to.
import type { LinkProps } from "@tanstack/react-router";
import type { ComponentType } from "react";
import {
  IconBell,
  IconBlock,
  IconDevices,
  IconFolder,
  IconHome,
  IconKey,
  IconList,
  IconPackage,
  IconPlug,
  IconRocket,
  IconScroll,
  IconSettings,
  IconShape,
  IconTerminal,
  IconToken,
  IconUsers,
} from "../ui/icons";

export interface NavigationItem {
  label: string;
  to: LinkProps["to"];
  icon: ComponentType<{ size?: number }>;
  /** What is needed to see it; everybody may where absent. */
  permission?: string;
  /** The second key of `g …`. */
  key?: string;
}

export interface NavigationGroup {
  label: string;
  items: NavigationItem[];
}

export const NAVIGATION: NavigationGroup[] = [
  {
    label: "Fleet",
    items: [
      { label: "Overview", to: "/", icon: IconHome, key: "o" },
      { label: "Devices", to: "/devices", icon: IconDevices, permission: "device.read", key: "d" },
      { label: "Connect a device", to: "/connect", icon: IconPlug, permission: "device.write", key: "c" },
    ],
  },
  {
    label: "Change",
    items: [
      { label: "Rollouts", to: "/jobs", icon: IconRocket, permission: "job.read", key: "r" },
      { label: "Commands", to: "/commands", icon: IconTerminal, permission: "job.read", key: "m" },
      { label: "Releases", to: "/releases", icon: IconPackage, permission: "release.read", key: "l" },
    ],
  },
  {
    label: "Order",
    items: [
      { label: "Device types", to: "/types", icon: IconShape, permission: "type.read", key: "y" },
      { label: "Groups", to: "/groups", icon: IconFolder, permission: "group.read", key: "p" },
      { label: "Provisioning", to: "/provisioning", icon: IconKey, permission: "claim.read", key: "v" },
    ],
  },
  {
    label: "Watch",
    items: [
      { label: "Alerts", to: "/alerts", icon: IconBell, permission: "alert.read", key: "a" },
      { label: "Events", to: "/events", icon: IconList, permission: "event.read", key: "e" },
      { label: "Refused connections", to: "/refusals", icon: IconBlock, permission: "event.read", key: "x" },
      { label: "Audit", to: "/audit", icon: IconScroll, permission: "audit.read", key: "i" },
    ],
  },
  {
    label: "Server",
    items: [
      {
        label: "Notifications",
        to: "/notifications",
        icon: IconBell,
        permission: "notification.manage",
        key: "n",
      },
      { label: "Users", to: "/users", icon: IconUsers, permission: "user.manage", key: "u" },
      { label: "API tokens", to: "/tokens", icon: IconToken, permission: "token.manage", key: "t" },
      { label: "Server", to: "/settings", icon: IconSettings, permission: "server.read", key: "s" },
    ],
  },
];
