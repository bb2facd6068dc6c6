// First elements of query keys, and which of them a change on the server makes stale.

export type ChangeKind =
  | "device"
  | "presence"
  | "shadow"
  | "job"
  | "execution"
  | "alert"
  | "event"
  | "refusal"
  | "pending"
  | "backup"
  | "autoAssignment"
  | "release"
  | "type"
  | "credential"
  | "group";

export interface Change {
  kind: ChangeKind;
  name?: string;
  id?: number;
  device?: string;
}

/**
 * Keys are `[kind, "list", …]` for lists and `[kind, subject, …]` for one thing, where the subject is a device's
 * name for what belongs to a device (`["shadow", "pump-1"]`), else the thing's own name or number.
 */
export type Key = readonly unknown[];

/** Whether a query with this key may have another answer since that change. */
export function concerns(change: Change, key: Key): boolean {
  const [kind, subject] = key;
  const device =
    change.device ?? (change.kind === "presence" || change.kind === "device" ? change.name : undefined);
  switch (change.kind) {
    case "presence":
    case "device":
      return (
        (kind === "device" && (subject === "list" || device === undefined || subject === device)) ||
        kind === "fleet"
      );
    case "shadow":
      return kind === "shadow" && (device === undefined || subject === device);
    case "execution":
      return (
        kind === "job" ||
        (kind === "execution" &&
          (subject === "list" || device === undefined || subject === device || subject === change.id))
      );
    case "job":
      return (
        (kind === "job" && (subject === "list" || change.id === undefined || subject === change.id)) ||
        // Why a device is not updated is also said by the rollout: paused, stopped, not approved.
        (kind === "execution" && key[2] === "updates") ||
        // A release says which rollout of it is not over.
        (kind === "release" && subject !== "list")
      );
    case "event":
    case "refusal":
    case "credential":
      return kind === change.kind && (subject === "list" || device === undefined || subject === device);
    case "release":
      // Also told of files and components, whose lists say what uses them.
      return kind === "release" || kind === "artifacts" || kind === "components";
    case "alert":
    case "pending":
    case "backup":
    case "autoAssignment":
    case "type":
    case "group":
      return kind === change.kind;
  }
}
