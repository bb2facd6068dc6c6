/** What saved queries of hawkBit's clients assign by themselves: `/auto-assignments`. */
import { Stack, Text } from "@mantine/core";

import { path, useList, type Schemas } from "../../kit/api";
import { Go } from "../../kit/nav";
import { Empty, Listing, Screen } from "../../kit/parts";
import { capital } from "../../ui/format";
import { StateOf } from "../../ui/Status";
import { Time } from "../../ui/Time";
import { approvalWords } from "./approval";
import { Decision } from "./decision";
import { releaseOf } from "./states";

type AutoAssignment = Schemas["AutoAssignment"];

export function AutoAssignments() {
  const list = useList<AutoAssignment>(path("auto-assignments"));
  return (
    <Screen
      title="Auto assignments"
      about="Saved queries that give a release to whatever they find. They are made, started and held with hawkBit’s Management API."
    >
      <Listing
        label="Auto assignments"
        list={list}
        keyOf={(it) => it.id}
        columns={[
          {
            title: "Name",
            cell: (it) => (
              <>
                {it.name}
                {it.description ? (
                  <Text size="xs" c="dimmed">
                    {it.description}
                  </Text>
                ) : null}
              </>
            ),
          },
          {
            title: "Release",
            cell: (it) => {
              const release = releaseOf(it);
              return release?.to ? <Go to={release.to}>{release.words}</Go> : release?.words;
            },
          },
          { title: "Devices", wide: true, cell: (it) => it.query },
          { title: "State", roomy: true, cell: (it) => <Standing one={it} /> },
          { title: "Changed", wide: true, cell: (it) => <Time at={it.changedAt} /> },
        ]}
        empty={
          <Empty title="Nothing is assigned by itself">
            A client of hawkBit’s Management API makes an auto assignment; here it is shown, and approved
            where the settings ask for a second person.
          </Empty>
        }
      />
    </Screen>
  );
}

/** How far it is, what happens next, and what there is to decide. */
export function Standing({ one }: { one: AutoAssignment }) {
  const waits = one.approval ? approvalWords(one.approval, one.askedBy) : null;
  return (
    <Stack gap={4}>
      <StateOf state={one.state} />
      {one.decision && (one.state === "denied" || one.decision.remark) ? (
        <Text size="xs" c="dimmed">
          {one.state === "denied" ? "Denied" : "Approved"} by {one.decision.by}
          {one.decision.remark ? `: ${one.decision.remark}` : ""}
        </Text>
      ) : null}
      {one.state === "ready" ? <Text size="xs">{begins(one)}</Text> : null}
      {waits ? <Text size="xs">{waits}</Text> : null}
      <Decided one={one} />
    </Stack>
  );
}

/** What starts one that may begin. */
const begins = ({ startsAt }: AutoAssignment) =>
  startsAt ? (
    <>
      It begins by itself <Time at={startsAt} />.
    </>
  ) : (
    "It assigns nothing until a client of hawkBit’s Management API starts it."
  );

/** What may be said of it while it waits for a second person. */
function Decided({ one }: { one: AutoAssignment }) {
  const release = one.release ? `${one.release.name} ${one.release.version}` : "a release";
  const asked = `${capital(one.askedBy)} asked for ${release} on whatever ${one.query} finds, now and later.`;
  return (
    <Decision
      may={one.approval?.may}
      name={one.name}
      target={path("auto-assignments", one.id)}
      version={one.version}
      means={{
        approve: `${asked} ${one.startsAt ? "It begins by itself then." : "It may be started then."}`,
        deny: `${asked} No device gets it then.`,
      }}
    />
  );
}
