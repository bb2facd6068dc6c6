/** Commands: run one, look at the last ones, keep templates: `/commands`. */
import { Tabs } from "@mantine/core";

import { path, useList, type Schemas } from "../../kit/api";
import { Go, useTabs } from "../../kit/nav";
import { Empty, Listing, Screen } from "../../kit/parts";
import { StateOf } from "../../ui/Status";
import { useCan } from "../../session/session";
import { Time } from "../../ui/Time";
import { CountsBar, jobTitle } from "../rollouts/states";
import { Run } from "./run";
import { Templates } from "./templates";

type CommandTemplate = Schemas["CommandTemplate"];

type Job = Schemas["Job"];

export function Commands() {
  const may = useCan();
  const templates = useList<CommandTemplate>(path("command-templates"), { limit: 1000 });
  const first = may("job.create") ? "run" : "history";
  const tabs = useTabs(first, "history", "templates");
  return (
    <Screen
      title="Commands"
      about="Devices that are offline get a command when they come back, unless it has expired."
    >
      <Tabs {...tabs}>
        <Tabs.List mb="md">
          {may("job.create") ? <Tabs.Tab value="run">Run</Tabs.Tab> : null}
          <Tabs.Tab value="history">History</Tabs.Tab>
          <Tabs.Tab value="templates">Templates</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="run">
          <Run templates={templates.items} />
        </Tabs.Panel>
        <Tabs.Panel value="history">
          <History />
        </Tabs.Panel>
        <Tabs.Panel value="templates">
          <Templates list={templates} />
        </Tabs.Panel>
      </Tabs>
    </Screen>
  );
}

function History() {
  const list = useList<Job>(path("jobs"), { kind: "command" });
  return (
    <Listing
      label="Commands"
      list={list}
      keyOf={(job) => job.id}
      columns={[
        { title: "Command", cell: (job) => <Go to={`/jobs/${job.id}`}>{jobTitle(job)}</Go> },
        { title: "State", cell: (job) => <StateOf state={job.state} /> },
        { title: "Devices", cell: (job) => <CountsBar counts={job.counts} label={jobTitle(job)} /> },
        { title: "Run", wide: true, cell: (job) => <Time at={job.createdAt} /> },
        { title: "By", wide: true, cell: (job) => job.createdBy },
      ]}
      empty={<Empty title="No command yet">Run one on a device or on all that match a query.</Empty>}
    />
  );
}
