/** A device type while it is edited, and what is sent of it. Pure. */
import type { Schemas } from "../../kit/api";

type Source = Schemas["VersionSource"];

export type TypeForm = {
  name: string;
  description: string;
  contact: number | "";
  verify: number | "";
  renews: boolean;
  signers: string[];
  requireSignature: boolean;
  sources: Source[];
  topics: Schemas["TopicMapping"][];
  attributes: [string, string][];
};

export const NEW_TYPE: TypeForm = {
  name: "",
  description: "",
  contact: "",
  verify: "",
  renews: false,
  signers: [],
  requireSignature: false,
  sources: [],
  topics: [],
  attributes: [],
};

export const fromType = (type: Schemas["DeviceType"]): TypeForm => ({
  name: type.name,
  description: type.description ?? "",
  contact: type.contactIntervalSeconds ?? "",
  verify: type.verifyTimeoutSeconds ?? "",
  renews: type.renewsCertificate ?? false,
  signers: type.signers ?? [],
  requireSignature: type.requireSignature ?? false,
  sources: type.versionSources ?? [],
  topics: type.topicMap ?? [],
  attributes: Object.entries(type.defaultAttributes ?? {}),
});

export const toSpec = (form: TypeForm): Schemas["TypeSpec"] => ({
  description: form.description,
  ...(form.contact === "" ? {} : { contactIntervalSeconds: form.contact }),
  ...(form.verify === "" ? {} : { verifyTimeoutSeconds: form.verify }),
  ...(form.sources.length === 0 ? {} : { versionSources: form.sources }),
  renewsCertificate: form.renews,
  signers: form.signers.filter((pem) => pem.trim() !== ""),
  requireSignature: form.requireSignature,
  topicMap: form.topics,
  defaultAttributes: Object.fromEntries(form.attributes.filter(([key]) => key !== "")),
});

export const sourceKind = (source: Source) =>
  source === "nowhere" ? "nowhere" : "inventory" in source ? "inventory" : "reported";

export const pathOf = (source: Source) =>
  source === "nowhere" ? "" : "inventory" in source ? source.inventory : source.reported;
