// One device: its head and its tabs. Each tab is a file of its own.
import { Loader, Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { api, asProblem, take } from "../../api/client";
import type { DeviceTab } from "../../routes/fleet";
import { useCan } from "../../session/session";
import { Empty, Page } from "../../ui/Page";
import { StateOf } from "../../ui/Status";
import { Time } from "../../ui/Time";
import { Trouble } from "../../ui/Trouble";
import { DeviceActions } from "./Actions";
import { StatusTab } from "./StatusTab";

const TelemetryTab = lazy(() => import("./TelemetryTab"));
const ShadowTab = lazy(() => import("./ShadowTab"));
const CommandsTab = lazy(() => import("./CommandsTab"));
const JobsTab = lazy(() => import("./JobsTab"));
const TimelineTab = lazy(() => import("./TimelineTab"));
const CredentialsTab = lazy(() => import("./CredentialsTab"));
const ConnectionTab = lazy(() => import("./ConnectionTab"));

const TABS: { tab: DeviceTab; label: string; permission: string }[] = [
  { tab: "status", label: "Status", permission: "device.read" },
  { tab: "telemetry", label: "Telemetry", permission: "telemetry.read" },
  { tab: "shadow", label: "Shadow", permission: "shadow.read" },
  { tab: "commands", label: "Commands", permission: "job.read" },
  { tab: "jobs", label: "Jobs", permission: "job.read" },
  { tab: "timeline", label: "Time line", permission: "event.read" },
  { tab: "credentials", label: "Credentials", permission: "credential.read" },
  { tab: "connection", label: "Connection", permission: "event.read" },
];

export function DevicePage() {
  const { name } = useParams({ from: "/shell/devices/$name" });
  const { tab = "status" } = useSearch({ from: "/shell/devices/$name" });
  const navigate = useNavigate({ from: "/devices/$name" });
  const can = useCan();
  const query = useQuery({
    queryKey: ["device", name],
    queryFn: () => take(api.GET("/api/v1/devices/{name}", { params: { path: { name } } })),
  });
  const device = query.data;
  const trail = (
    <Link to="/devices" className="link">
      Devices
    </Link>
  );

  if (!device)
    return (
      <Page title={name} trail={trail}>
        {query.isPending ? (
          <Loader aria-label="Loading" />
        ) : asProblem(query.error).status === 404 ? (
          <Empty title="No such device">
            It was deleted, never existed, or is outside of what you may see. Names are case-sensitive.
          </Empty>
        ) : (
          <Trouble error={query.error} onRetry={() => void query.refetch()} />
        )}
      </Page>
    );

  return (
    <Page
      title={device.name}
      trail={trail}
      subtitle={
        <span style={{ display: "flex", flexWrap: "wrap", gap: "4px 18px" }}>
          <StateOf state={device.presence} />
          <StateOf state={device.lifecycle} />
          <span>{device.type ?? "no type"}</span>
          <span>
            last contact <Time at={device.lastContactAt} />
          </span>
        </span>
      }
      actions={<DeviceActions device={device} />}
    >
      <Tabs
        value={tab}
        onChange={(next) =>
          void navigate({ search: next === "status" ? {} : { tab: (next ?? "status") as DeviceTab } })
        }
        keepMounted={false}
      >
        <Tabs.List mb="md" style={{ flexWrap: "nowrap", overflowX: "auto", overflowY: "hidden" }}>
          {TABS.filter((entry) => can(entry.permission)).map((entry) => (
            <Tabs.Tab key={entry.tab} value={entry.tab}>
              {entry.label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Suspense fallback={<Loader aria-label="Loading" />}>
          <Tabs.Panel value="status">
            <StatusTab device={device} />
          </Tabs.Panel>
          <Tabs.Panel value="telemetry">
            <TelemetryTab name={device.name} />
          </Tabs.Panel>
          <Tabs.Panel value="shadow">
            <ShadowTab name={device.name} />
          </Tabs.Panel>
          <Tabs.Panel value="commands">
            <CommandsTab device={device} />
          </Tabs.Panel>
          <Tabs.Panel value="jobs">
            <JobsTab name={device.name} />
          </Tabs.Panel>
          <Tabs.Panel value="timeline">
            <TimelineTab name={device.name} />
          </Tabs.Panel>
          <Tabs.Panel value="credentials">
            <CredentialsTab device={device} />
          </Tabs.Panel>
          <Tabs.Panel value="connection">
            <ConnectionTab device={device} />
          </Tabs.Panel>
        </Suspense>
      </Tabs>
    </Page>
  );
}
