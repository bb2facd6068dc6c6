import { Select } from "@mantine/core";
import type { Schemas } from "../../api/client";
import type { ApiForm } from "../../ui/form";

/** The roles, with what each is for. */
const ROLES: { value: Schemas["Role"]; label: string }[] = [
  { value: "admin", label: "admin: everything" },
  { value: "operator", label: "operator: devices, software, jobs" },
  { value: "installer", label: "installer: brings devices in" },
  { value: "viewer", label: "viewer: looks" },
];

/** What somebody may do. */
export function RoleSelect<V extends { role: Schemas["Role"] }>({ form }: { form: ApiForm<V> }) {
  return (
    <Select
      label="Role"
      data={ROLES}
      allowDeselect={false}
      value={form.values.role}
      onChange={(role) => role && form.set({ role: role as Schemas["Role"] } as Partial<V>)}
      error={form.fieldError("role")}
    />
  );
}
