/** What saved queries of hawkBit's clients assign by themselves: `/auto-assignments`. */
import { useState } from "react";

import { Button, Group, Stack, Text, Textarea } from "@mantine/core";

import { fault, path, request, useAct, useList, type Schemas } from "../../kit/api";
import { SaveForm } from "../../kit/kept";
import { Go } from "../../kit/nav";
import { Empty, Listing, Screen } from "../../kit/parts";
import { type Me, useMe } from "../../session/session";
import { Dialog } from "../../ui/Dialog";
import { StateOf } from "../../ui/Status";
import { Time } from "../../ui/Time";
import { mayDecide } from "./approval";
import { releaseOf } from "./states";

type AutoAssignment = Schemas["AutoAssignment"];

export function AutoAssignments() {
  const me = useMe();
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
          { title: "State", roomy: true, cell: (it) => <Standing one={it} me={me} /> },
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

/** How far it is, and what there is to decide. */
export function Standing({ one, me }: { one: AutoAssignment; me: Me }) {
  const waits = one.state === "waitingForApproval" ? mayDecide(one.askedBy, me) : null;
  return (
    <Stack gap={4}>
      <StateOf state={one.state} />
      {one.decision && (one.state === "denied" || one.decision.remark) ? (
        <Text size="xs" c="dimmed">
          {one.state === "denied" ? "Denied" : "Approved"} by {one.decision.by}
          {one.decision.remark ? `: ${one.decision.remark}` : ""}
        </Text>
      ) : null}
      {waits === "mine" ? (
        <Text size="xs">You asked for it; another administrator or operator must approve or deny it.</Text>
      ) : null}
      {waits === "closed" ? (
        <Text size="xs">{one.askedBy} asked for it; your role does not allow you to approve or deny it.</Text>
      ) : null}
      {waits === "open" ? <Decision one={one} /> : null}
    </Stack>
  );
}

/** A second person's yes or no to what is shown, with a remark that stays with it. */
function Decision({ one }: { one: AutoAssignment }) {
  const [asked, setAsked] = useState<"approve" | "deny" | null>(null);
  return (
    <Group gap="xs">
      <Button size="compact-sm" onClick={() => setAsked("approve")}>
        Approve
      </Button>
      <Button size="compact-sm" variant="default" onClick={() => setAsked("deny")}>
        Deny
      </Button>
      <Dialog
        opened={asked !== null}
        onClose={() => setAsked(null)}
        title={asked === "deny" ? `Deny ${one.name}?` : `Approve ${one.name}?`}
      >
        {asked ? <DecisionForm one={one} say={asked} done={() => setAsked(null)} /> : null}
      </Dialog>
    </Group>
  );
}

const STARTS = {
  approve: (one: AutoAssignment) => (one.startsAt ? "It begins by itself then." : "It may be started then."),
  deny: () => "No device gets it then.",
};

function DecisionForm(props: { one: AutoAssignment; say: "approve" | "deny"; done: () => void }) {
  // What is decided is what was shown when the dialog opened, whatever comes meanwhile.
  const [one] = useState(props.one);
  const [remark, setRemark] = useState("");
  const decide = useAct<void, AutoAssignment>(
    () =>
      request("POST", path("auto-assignments", one.id, props.say), {
        headers: { "if-match": `"${one.version}"` },
        body: { remark: remark.trim() },
      }),
    [path("auto-assignments")],
    props.done,
  );
  return (
    <SaveForm save={decide} shown={["remark"]} label={props.say === "approve" ? "Approve" : "Deny"}>
      <Text size="sm" className="anywhere">
        {one.askedBy} asked for {one.release ? `${one.release.name} ${one.release.version}` : "a release"} on
        whatever {one.query} finds, now and later. {STARTS[props.say](one)}
      </Text>
      <Textarea
        label="Remark"
        description="For whoever reads it later; may be empty."
        autosize
        minRows={2}
        maxRows={8}
        data-autofocus
        value={remark}
        onChange={(event) => setRemark(event.currentTarget.value)}
        error={fault(decide.error, "remark")}
      />
    </SaveForm>
  );
}
