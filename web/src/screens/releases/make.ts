/** Makes a release of files, with a component of its own name. Knows nothing of the form. */
import { path, ProblemError, request, type Schemas } from "../../kit/api";

type Artifact = Pick<Schemas["Artifact"], "id" | "name" | "sha256">;
type Component = Schemas["Component"];

export type Rules = { hardware: string[]; minimumSource: string; maximumSource: string; step: string };

export type Wanted = {
  name: string;
  version: string;
  kind: string;
  types: string[];
  notes: string;
  artifacts: Artifact[];
  rules: Rules;
};

/** A component of the wanted name, version and kind that was made of other files. */
export class InTheWay extends ProblemError {
  constructor(readonly component: Component) {
    const { name, version, type } = component;
    super(
      409,
      "component.exists",
      "A component is in the way",
      `Component ${name} ${version} of type ${type} is made of other files.`,
    );
  }
}

const taken = ({ name, version }: Wanted) => {
  const problem = `Release ${name} ${version} exists already: choose another version.`;
  return new ProblemError(409, "release.exists", "Exists already", problem, [{ field: "version", problem }]);
};

const isCode = (error: unknown, code: string) => error instanceof ProblemError && error.code === code;

const place = ({ name, version, kind }: Wanted) =>
  [path("components", name, version), { query: { type: kind } }] as const;

/** Whether both are the same files, in the same order. */
const isMadeOf = (component: Component, files: Artifact[]) =>
  component.artifacts.length === files.length &&
  component.artifacts.every((one, at) => one.name === files[at]?.name && one.sha256 === files[at].sha256);

/** The component, made now unless there is one of the same files; in that case what was uploaded for it is not needed. */
async function component(wanted: Wanted): Promise<{ isNew: boolean; unneeded: Artifact[] }> {
  const { name, version, kind, artifacts } = wanted;
  try {
    const files = artifacts.map((artifact) => artifact.id);
    await request("POST", path("components"), { body: { name, version, type: kind, artifacts: files } });
    return { isNew: true, unneeded: [] };
  } catch (error) {
    if (!isCode(error, "component.exists")) throw error;
  }
  const [target, query] = place(wanted);
  const there = await request<Component>("GET", target, query);
  if (!isMadeOf(there, artifacts)) {
    const isOwn = there.releases?.some((release) => release.name === name && release.version === version);
    throw isOwn ? taken(wanted) : new InTheWay(there);
  }
  const needed = new Set(there.artifacts.map((artifact) => artifact.id));
  return { isNew: false, unneeded: artifacts.filter((artifact) => !needed.has(artifact.id)) };
}

/** Deletes what nothing needs; what cannot be deleted stays. */
export const discard = (artifacts: Pick<Artifact, "id">[]) =>
  Promise.allSettled(artifacts.map(({ id }) => request("DELETE", path("artifacts", id))));

/** The component and then the release. Where there is no release in the end, no component is left of the try either. */
export async function make(wanted: Wanted): Promise<Schemas["Release"]> {
  const { name, version, kind, types, notes, rules } = wanted;
  const { isNew, unneeded } = await component(wanted);
  const said = Object.entries(rules).filter(([, value]) => value.length > 0);
  try {
    const release = await request<Schemas["Release"]>("POST", path("releases"), {
      body: {
        name,
        version,
        components: [{ name, version, type: kind }],
        deviceTypes: types,
        notes,
        ...(said.length > 0 ? { rules: Object.fromEntries(said) } : {}),
      },
    });
    await discard(unneeded);
    return release;
  } catch (error) {
    if (isNew) await request("DELETE", ...place(wanted)).catch(() => undefined);
    throw isCode(error, "release.exists") ? taken(wanted) : error;
  }
}

/** Makes it once the component that is in the way is gone; that stays so where the release is refused. */
export async function makeInPlaceOf(wanted: Wanted): Promise<Schemas["Release"]> {
  await request("DELETE", ...place(wanted));
  return make(wanted);
}
