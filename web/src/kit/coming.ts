/** Shapes of operations whose types are not yet taken from the OpenAPI document. */

export type Channel = {
  name: string;
  kind: "webhook" | "email";
  url?: string | null;
  to?: string[] | null;
  alerts: string[];
  minimumSeverity: string;
  enabled: boolean;
  lastDelivery?: { at: string; outcome: string; detail: string } | null;
  version: number;
};
export type Delivery = {
  id: number;
  alert?: number | null;
  event: string;
  state: "waiting" | "delivered" | "failed";
  attempts: number;
  nextAt?: string | null;
  lastError?: string | null;
  createdAt: string;
  deliveredAt?: string | null;
};
export type Checks = {
  items: { check: string; state: "ok" | "warning" | "problem"; detail: string; action: string }[];
};
