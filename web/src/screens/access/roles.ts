import type { Schemas } from "../../api/client";

/** The roles, with what each is for. */
export const ROLES: { value: Schemas["Role"]; label: string }[] = [
  { value: "admin", label: "admin: everything" },
  { value: "operator", label: "operator: devices, software, jobs" },
  { value: "installer", label: "installer: brings devices in" },
  { value: "viewer", label: "viewer: looks" },
];
