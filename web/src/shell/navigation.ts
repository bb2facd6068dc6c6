// What the navigation shows, in its order. An entry is left out where the role may not see what it leads to.
import type { LinkProps } from "@tanstack/react-router";
import type { ComponentType } from "react";
import { IconDevices, IconHome, IconPlug, IconToken, IconUsers } from "../ui/icons";

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
    label: "Server",
    items: [
      { label: "Users", to: "/users", icon: IconUsers, permission: "user.manage", key: "u" },
      { label: "API tokens", to: "/tokens", icon: IconToken, permission: "token.manage", key: "t" },
    ],
  },
];
