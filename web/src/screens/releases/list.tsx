/** Releases and the files they are made of: `/releases`. */
import { Anchor, Tabs, Text } from "@mantine/core";

import { path, request, useAct, useList, type Schemas } from "../../kit/api";
import { Go, GoButton, useTabs } from "../../kit/nav";
import { Confirmed, Digest, Empty, Listing, Screen } from "../../kit/parts";
import { useCan } from "../../session/session";
import { Time } from "../../ui/Time";
import { bytes } from "../../ui/format";
import { SignatureOf } from "./content";
import { componentsOnly, whyKept } from "./used";

type Release = Schemas["Release"];
type Artifact = Schemas["Artifact"];

export const releaseTo = (release: { name: string; version: string }) =>
  `/releases/${encodeURIComponent(release.name)}/${encodeURIComponent(release.version)}`;

export function Releases() {
  const may = useCan();
  const tabs = useTabs("releases", "artifacts");
  const make = may("release.write") ? <GoButton to="/releases/new">New release</GoButton> : null;
  return (
    <Screen
      title="Releases"
      about="What can be rolled out. Neither a release nor a file changes once made."
      actions={make}
    >
      <Tabs {...tabs}>
        <Tabs.List mb="md">
          <Tabs.Tab value="releases">Releases</Tabs.Tab>
          <Tabs.Tab value="artifacts">Files</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="releases">
          <ReleaseList make={make} />
        </Tabs.Panel>
        <Tabs.Panel value="artifacts">
          <Artifacts />
        </Tabs.Panel>
      </Tabs>
    </Screen>
  );
}

function ReleaseList({ make }: { make: React.ReactNode }) {
  const list = useList<Release>(path("releases"));
  return (
    <Listing
      label="Releases"
      list={list}
      keyOf={(it) => `${it.name} ${it.version}`}
      columns={[
        { title: "Release", cell: (it) => <Go to={releaseTo(it)}>{`${it.name} ${it.version}`}</Go> },
        { title: "For", cell: (it) => it.deviceTypes.join(", ") || "any type" },
        { title: "Notes", wide: true, cell: (it) => <Text lineClamp={2}>{it.notes}</Text> },
        { title: "Made", wide: true, cell: (it) => <Time at={it.createdAt} /> },
        { title: "By", wide: true, cell: (it) => it.createdBy },
      ]}
      empty={
        <Empty title="No release yet" action={make}>
          Drop a file, name a version, and it can be rolled out.
        </Empty>
      }
    />
  );
}

/** What a file is part of; it stays while there is any. A component that no release has can be deleted here. */
function UsedBy({ uses }: { uses: Schemas["ArtifactUses"] }) {
  const may = useCan();
  const remove = useAct<Schemas["ComponentName"], unknown>(
    ({ name, version, type }) =>
      request("DELETE", path("components", name, version), { query: type ? { type } : {} }),
    [path("components"), path("artifacts")],
  );
  const alone = uses.releases.length === 0 && may("release.write") ? uses.components : [];
  return (
    <>
      {uses.releases.map((release) => (
        <div key={`${release.name} ${release.version}`}>
          <Go to={releaseTo(release)}>{`${release.name} ${release.version}`}</Go>
        </div>
      ))}
      {componentsOnly(uses)}
      {alone.map((component) => (
        <div key={`${component.name} ${component.version} ${component.type}`}>
          <Confirmed
            label="Delete component"
            title={`Delete component ${component.name} ${component.version}?`}
            act={() => remove.mutateAsync(component)}
          >
            No release has it. Its name and version are free then; its files stay.
          </Confirmed>
        </div>
      ))}
    </>
  );
}

function Artifacts() {
  const may = useCan();
  const list = useList<Artifact>(path("artifacts"));
  const remove = useAct<number, unknown>(
    (id) => request("DELETE", path("artifacts", id)),
    [path("artifacts")],
  );
  return (
    <Listing
      label="Files"
      list={list}
      keyOf={(it) => it.id}
      columns={[
        {
          title: "File",
          cell: (it) => (
            <Anchor href={path("artifacts", it.id, "content")} download={it.name}>
              {it.name}
            </Anchor>
          ),
        },
        { title: "Size", wide: true, cell: (it) => bytes(it.size) },
        {
          title: "Signature",
          wide: true,
          cell: (it) => (it.content ? <SignatureOf content={it.content} /> : ""),
        },
        { title: "Used by", cell: (it) => (it.usedBy ? <UsedBy uses={it.usedBy} /> : "") },
        { title: "Version", wide: true, cell: (it) => it.content?.version ?? "" },
        { title: "SHA-256", wide: true, cell: (it) => <Digest value={it.sha256} /> },
        { title: "Uploaded", wide: true, cell: (it) => <Time at={it.createdAt} /> },
        {
          title: "Actions",
          cell: (it) =>
            may("artifact.write") ? (
              <Confirmed
                label="Delete"
                title="Delete this file?"
                act={() => remove.mutateAsync(it.id)}
                held={whyKept(it.usedBy)}
              >
                {it.name} goes for good.
              </Confirmed>
            ) : null,
        },
      ]}
      empty={<Empty title="No file yet">Files come with a new release.</Empty>}
    />
  );
}
