/** Everything about a rollout that most leave as it is: times, order, limits, tries again, people. */
import { type ReactNode, useState } from "react";

import { Accordion, Checkbox, Select, SimpleGrid, Stack, TagsInput, TextInput } from "@mantine/core";

import { fault, type ProblemError } from "../../kit/api";
import { isIn } from "../../ui/form";
import { BOUNDS, START, type Draft, type Missing } from "./draft";
import { Count, Moment, type Part } from "./fields";

const SCHEDULES = [
  { value: "0 2 * * *", label: "Every night from 2:00" },
  { value: "0 2 * * SAT", label: "Saturdays from 2:00" },
  { value: "0 22 * * MON-FRI", label: "On weekdays from 22:00" },
  { value: "", label: "A schedule of my own" },
];

/** A part of the form: what of the draft it is about, and under which names the API speaks of that. */
const section = (value: string, fields: (keyof Draft)[], names: string[]) => ({
  value,
  isUsed: (draft: Draft) => fields.some((field) => draft[field] !== START[field]),
  isWrong: (shown: Missing, refused: ProblemError | null) =>
    fields.some((field) => shown[field] !== undefined) ||
    (refused?.fields ?? []).some((bad) => names.some((name) => isIn(bad.field, name))),
});

const SECTIONS = [
  section(
    "when",
    ["window", "schedule", "windowMinutes", "zone", "endAt"],
    ["rollout.window", "rollout.endsAt"],
  ),
  section(
    "order",
    ["order", "orderBy", "success", "minimum"],
    ["rollout.order", "rollout.successPercent", "failureThreshold.minimum"],
  ),
  section(
    "limits",
    ["concurrency", "rateKib", "rateBy", "priority", "supersede", "downgrade"],
    ["rollout.concurrency", "rollout.downloadRate", "rollout.priority"],
  ),
  section("timeouts", ["pickUpMinutes", "downloadMinutes", "workMinutes", "showMinutes"], ["timeouts"]),
  section("retries", ["retries", "retryCodes", "retryMinutes"], ["retries", "rollout.backoff"]),
  section("people", ["consent", "approval", "continuous", "laterSize"], ["rollout.continuous"]),
];

export function More(part: Part) {
  const { draft, change, shown, refused } = part;
  const update = draft.what === "release";
  // What differs from the usual is in sight from the beginning; what is wrong stays so whatever is folded away.
  const [open, setOpen] = useState(() => SECTIONS.filter((it) => it.isUsed(draft)).map((it) => it.value));
  const held = SECTIONS.filter((it) => it.isWrong(shown, refused)).map((it) => it.value);
  return (
    <Accordion multiple variant="separated" value={[...new Set([...open, ...held])]} onChange={setOpen}>
      <Section value="when" title="Times and maintenance windows">
        {update ? (
          <>
            <Checkbox
              label="Only in maintenance windows"
              description="Devices may download before; they install while the window is open."
              checked={draft.window}
              onChange={(event) => change({ window: event.currentTarget.checked })}
            />
            {draft.window ? <WindowFields {...part} /> : null}
          </>
        ) : null}
        <Moment
          label="End"
          field="endAt"
          hint="Nothing more is offered then; what was not begun is withdrawn. Empty: never."
          {...part}
        />
      </Section>
      <Section value="order" title="Order and thresholds">
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <Select
            label="Order of the devices"
            allowDeselect={false}
            data={[
              { value: "registered", label: "As they were registered" },
              { value: "random", label: "By chance" },
              { value: "ascending", label: "By an attribute, lowest first" },
              { value: "descending", label: "By an attribute, highest first" },
              { value: "spread", label: "Spread over an attribute" },
            ]}
            value={draft.order}
            onChange={(order) => change({ order: order as Draft["order"] })}
          />
          {draft.order === "registered" || draft.order === "random" ? null : (
            <TextInput
              label="Attribute"
              description={
                draft.order === "spread"
                  ? "Each wave gets about the same share of each of its values."
                  : undefined
              }
              placeholder="site"
              value={draft.orderBy}
              onChange={(event) => change({ orderBy: event.currentTarget.value })}
              error={shown.orderBy ?? fault(refused, "rollout.order.attribute")}
            />
          )}
        </SimpleGrid>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <Count
            label="Next wave when so many succeeded"
            hint="Percent of the wave; empty: when all of it is settled."
            unit="%"
            bounds={BOUNDS.success}
            value={draft.success}
            set={(success) => change({ success })}
            error={fault(refused, "rollout.successPercent")}
          />
          <Count
            label="A share counts after so many"
            hint="Devices that finished; empty: from the first on."
            bounds={BOUNDS.minimum}
            value={draft.minimum}
            set={(minimum) => change({ minimum })}
            error={fault(refused, "failureThreshold.minimum")}
          />
        </SimpleGrid>
      </Section>
      <Section value="limits" title="Limits and priority">
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <Count
            label="At most so many devices at once"
            hint="Empty: all of the wave."
            bounds={BOUNDS.concurrency}
            value={draft.concurrency}
            set={(concurrency) => change({ concurrency })}
            error={fault(refused, "rollout.concurrency")}
          />
          {update ? (
            <>
              <Count
                label="Download rate (KiB/s)"
                hint="For all its devices together; empty: as fast as it goes."
                fraction
                bounds={BOUNDS.rateKib}
                value={draft.rateKib}
                set={(rateKib) => change({ rateKib })}
                error={fault(refused, "rollout.downloadRate.bytesPerSecond")}
              />
              <TextInput
                label="Rate for each value of"
                description="An attribute, such as site; empty: one rate for all."
                value={draft.rateBy}
                onChange={(event) => change({ rateBy: event.currentTarget.value })}
                error={fault(refused, "rollout.downloadRate.by")}
              />
            </>
          ) : null}
          <Count
            label="Priority"
            hint="0 to 1000; the higher one goes first. Empty: 1000."
            bounds={BOUNDS.priority}
            value={draft.priority}
            set={(priority) => change({ priority })}
            error={fault(refused, "rollout.priority")}
          />
        </SimpleGrid>
        {update ? (
          <Checkbox
            label="Take the place of other updates"
            description="Of the same or a lower priority that a device has not begun."
            checked={draft.supersede}
            onChange={(event) => change({ supersede: event.currentTarget.checked })}
          />
        ) : null}
        {update ? (
          <Checkbox
            label="Also over newer versions"
            description="Brings devices back that run a newer one."
            checked={draft.downgrade}
            onChange={(event) => change({ downgrade: event.currentTarget.checked })}
          />
        ) : null}
      </Section>
      <Section value="timeouts" title="How long a device may take">
        <Timeouts {...part} />
      </Section>
      <Section value="retries" title="Trying again">
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <Count
            label="Try a failed device again"
            hint="By itself, so many times. Empty: never."
            bounds={BOUNDS.retries}
            value={draft.retries}
            set={(retries) => change({ retries })}
            error={fault(refused, "retries")}
          />
          <Count
            label="After minutes"
            hint="Doubles each time, up to a day. Empty: at once."
            fraction
            bounds={BOUNDS.retryMinutes}
            value={draft.retryMinutes}
            set={(retryMinutes) => change({ retryMinutes })}
            error={fault(refused, "rollout.backoff.firstSeconds")}
          />
        </SimpleGrid>
        <TagsInput
          label="Only after these failure codes"
          description="What devices give as code. None: after any failure."
          value={draft.retryCodes}
          onChange={(retryCodes) => change({ retryCodes })}
          error={fault(refused, "rollout.backoff.codes")}
        />
      </Section>
      <Section value="people" title="People, and devices that come later">
        {update ? (
          <Checkbox
            label="The user of each device must agree"
            checked={draft.consent}
            onChange={(event) => change({ consent: event.currentTarget.checked })}
          />
        ) : null}
        <Checkbox
          label="Somebody else must approve it"
          description="It waits until a second person has looked at it."
          checked={draft.approval}
          onChange={(event) => change({ approval: event.currentTarget.checked })}
        />
        <Checkbox
          label="Also devices that match later"
          description="It goes on until it is canceled or ends."
          checked={draft.continuous}
          onChange={(event) => change({ continuous: event.currentTarget.checked })}
          error={shown.continuous ?? fault(refused, "rollout.continuous")}
          aria-invalid={(shown.continuous ?? fault(refused, "rollout.continuous")) !== undefined}
        />
        {draft.continuous ? (
          <Count
            label="Most devices of a later wave"
            bounds={BOUNDS.laterSize}
            value={draft.laterSize}
            set={(laterSize) => change({ laterSize })}
            error={shown.laterSize ?? fault(refused, "rollout.continuous.waveSize")}
          />
        ) : null}
      </Section>
    </Accordion>
  );
}

function Section({ value, title, children }: { value: string; title: string; children: ReactNode }) {
  return (
    <Accordion.Item value={value}>
      <Accordion.Control>{title}</Accordion.Control>
      <Accordion.Panel>
        <Stack gap="sm">{children}</Stack>
      </Accordion.Panel>
    </Accordion.Item>
  );
}

function Timeouts({ draft, change, refused }: Part) {
  const update = draft.what === "release";
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }}>
      <Count
        label="Minutes to take it up"
        hint="From the offer on. Empty: a day."
        fraction
        bounds={BOUNDS.pickUpMinutes}
        value={draft.pickUpMinutes}
        set={(pickUpMinutes) => change({ pickUpMinutes })}
        error={fault(refused, "timeouts.queuedSeconds")}
      />
      {update ? (
        <Count
          label="Minutes to download it"
          hint="Empty: part of the time to install it."
          fraction
          bounds={BOUNDS.downloadMinutes}
          value={draft.downloadMinutes}
          set={(downloadMinutes) => change({ downloadMinutes })}
          error={fault(refused, "timeouts.downloadSeconds")}
        />
      ) : null}
      <Count
        label={update ? "Minutes to install it" : "Minutes to finish it"}
        hint="Empty: two hours."
        fraction
        bounds={BOUNDS.workMinutes}
        value={draft.workMinutes}
        set={(workMinutes) => change({ workMinutes })}
        error={fault(refused, "timeouts.inProgressSeconds")}
      />
      {update ? (
        <Count
          label="Minutes to show the new version"
          hint="Empty: as the device type says."
          fraction
          bounds={BOUNDS.showMinutes}
          value={draft.showMinutes}
          set={(showMinutes) => change({ showMinutes })}
          error={fault(refused, "timeouts.verifySeconds")}
        />
      ) : null}
    </SimpleGrid>
  );
}

function WindowFields({ draft, change, shown, refused }: Part) {
  const preset = SCHEDULES.some((it) => it.value === draft.schedule);
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }}>
      <Select
        label="The window opens"
        allowDeselect={false}
        data={SCHEDULES}
        value={preset ? draft.schedule : ""}
        onChange={(schedule) => change({ schedule: schedule ?? "" })}
      />
      {preset && draft.schedule !== "" ? null : (
        <TextInput
          label="Schedule"
          description="As in cron: 0 2 * * SAT; or with seconds as in Quartz."
          classNames={{ input: "mono" }}
          value={draft.schedule}
          onChange={(event) => change({ schedule: event.currentTarget.value })}
          error={shown.schedule ?? fault(refused, "rollout.window.schedule")}
        />
      )}
      <Count
        label="Open for minutes"
        fraction
        bounds={BOUNDS.windowMinutes}
        value={draft.windowMinutes}
        set={(windowMinutes) => change({ windowMinutes })}
        error={shown.windowMinutes ?? fault(refused, "rollout.window.durationSeconds")}
      />
      <Select
        label="Whose clock"
        allowDeselect={false}
        data={[
          { value: "device", label: "Each device’s (attribute timezone)" },
          { value: "here", label: "Of this computer" },
          { value: "utc", label: "UTC" },
        ]}
        value={draft.zone}
        onChange={(zone) => change({ zone: zone as Draft["zone"] })}
        error={fault(refused, "rollout.window.timezone")}
      />
    </SimpleGrid>
  );
}
