// What needs somebody comes first; then how the fleet is and what is under way.
import { Button, Progress, SimpleGrid, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { api, type Schemas, take } from "../../api/client";
import { useCan } from "../../session/session";
import { bytes, count, counted, withTimes } from "../../ui/format";
import { Empty, Facts, Page, Panel } from "../../ui/Page";
import { StateOf } from "../../ui/Status";
import { Time } from "../../ui/Time";
import { Trouble } from "../../ui/Trouble";
import { releaseWords } from "../rollouts/named";
import { lastWave } from "../rollouts/wave";
import { gatherNeeds, nothingWords, type Need } from "./needs";
import { AT_ONCE, underWay } from "./underWay";
import { VersionsPanel } from "./VersionsPanel";
import classes from "./overview.module.css";

type Counts = Record<string, { value: string; count: number }[]>;

export function Overview() {
  const can = useCan();
  const fleet = useQuery({
    queryKey: ["fleet"],
    queryFn: () =>
      take(
        api.GET("/api/v1/devices", { params: { query: { limit: 1, facets: "presence,lifecycle,type" } } }),
      ),
    enabled: can("device.read"),
  });
  const jobs = useQuery({
    queryKey: ["job", "list", "overview"],
    queryFn: () =>
      underWay((state, cursor) =>
        take(api.GET("/api/v1/jobs", { params: { query: { state, limit: AT_ONCE, cursor } } })),
      ),
    enabled: can("job.read"),
  });
  const alerts = useQuery({
    queryKey: ["alert", "list", "open"],
    queryFn: () => take(api.GET("/api/v1/alerts", { params: { query: { state: "open", limit: 50 } } })),
    enabled: can("alert.read"),
  });
  const pending = useQuery({
    queryKey: ["pending", "list", "open"],
    queryFn: () => take(api.GET("/api/v1/pending", { params: { query: { state: "open", limit: 50 } } })),
    enabled: can("credential.read"),
    retry: false,
  });
  const assignments = useQuery({
    queryKey: ["autoAssignment", "list", "overview"],
    queryFn: () =>
      take(
        api.GET("/api/v1/auto-assignments", {
          params: { query: { state: "waitingForApproval", limit: 50 } },
        }),
      ),
    enabled: can("device.read"),
  });
  const running = jobs.data?.jobs ?? [];
  const needs = gatherNeeds(
    alerts.data?.items ?? [],
    running,
    pending.data?.items ?? [],
    assignments.data?.items ?? [],
  );
  const seen = {
    alerts: alerts.isSuccess,
    jobs: jobs.data?.isWhole ?? false,
    pending: pending.isSuccess,
    assignments: assignments.isSuccess,
  };
  // What the role may not see is never looked for, and is not loading either.
  const looking = alerts.isLoading || jobs.isLoading || pending.isLoading || assignments.isLoading;
  const total = fleet.data?.total ?? 0;

  return (
    <Page title="Overview">
      <Trouble error={fleet.error} onRetry={() => void fleet.refetch()} />
      <Stack>
        <Trouble error={alerts.error ?? jobs.error ?? pending.error ?? assignments.error} />
        {looking || Object.values(seen).includes(true) ? (
          <Panel title="Needs you">
            {needs.length === 0 ? (
              <Text size="sm" c="dimmed">
                {looking ? "Looking…" : nothingWords(seen)}
              </Text>
            ) : (
              <ul className={classes.needs}>
                {needs.map((need) => (
                  <NeedRow key={need.key} need={need} />
                ))}
              </ul>
            )}
          </Panel>
        ) : null}
        <SimpleGrid cols={{ base: 1, md: 2 }}>
          <Panel title="Fleet">
            {fleet.isSuccess && total === 0 ? (
              <Empty
                title="No devices yet"
                action={
                  can("device.write") ? (
                    <Button component={Link} to="/connect">
                      Connect the first device
                    </Button>
                  ) : undefined
                }
              >
                Connect a board or this computer.
              </Empty>
            ) : (
              <Fleet facets={(fleet.data?.facets as Counts | undefined) ?? {}} total={total} />
            )}
          </Panel>
          {can("job.read") ? (
            <Panel title="Under way">
              {running.length === 0 ? (
                <Text size="sm" c="dimmed">
                  {jobs.data?.isWhole === false
                    ? "None among the newest jobs; older ones are under Rollouts."
                    : "No rollout or command is running."}
                </Text>
              ) : (
                <Stack gap="sm">
                  {running.slice(0, 8).map((job) => (
                    <JobLine key={job.id} job={job} />
                  ))}
                </Stack>
              )}
            </Panel>
          ) : null}
          {can("device.read") && can("shadow.read") ? <VersionsPanel /> : null}
          {can("server.read") ? <ServerPanel /> : null}
        </SimpleGrid>
      </Stack>
    </Page>
  );
}

function NeedRow({ need }: { need: Need }) {
  return (
    <li className={classes.need}>
      <StateOf state={need.severity} />
      <div className={classes.needText}>
        <Link to={need.href} className="link anywhere">
          {need.title}
        </Link>
        <Text size="sm" c="dimmed" className="anywhere">
          {withTimes(need.detail)}
        </Text>
      </div>
      <Text size="xs" c="dimmed">
        <Time at={need.since} />
      </Text>
    </li>
  );
}

const PRESENCE = ["connected", "reachable", "overdue", "never"] as const;

function Fleet({ facets, total }: { facets: Counts; total: number }) {
  const of = (field: string, value: string) =>
    facets[field]?.find((found) => found.value === value)?.count ?? 0;
  return (
    <>
      <Text className={classes.big} component="p">
        {count(total)} <span>{total === 1 ? "device" : "devices"}</span>
      </Text>
      <div className={classes.stripe} aria-hidden="true">
        {PRESENCE.map((presence) => (
          <span key={presence} data-presence={presence} style={{ flexGrow: of("presence", presence) }} />
        ))}
      </div>
      <ul className={classes.legend}>
        {PRESENCE.map((presence) => (
          <li key={presence}>
            <StateOf state={presence} />
            <Link
              to="/devices"
              search={{ q: `presence==${presence}` }}
              className="link numbers"
              aria-label={`${count(of("presence", presence))} ${presence}`}
            >
              {count(of("presence", presence))}
            </Link>
          </li>
        ))}
      </ul>
    </>
  );
}

/** One job: what it is, how far it is. */
function JobLine({ job }: { job: Schemas["Job"] }) {
  const { targets, succeeded, failed, canceled, skipped } = job.counts;
  const part = (n: number) => (targets === 0 ? 0 : (100 * n) / targets);
  const what = job.release ? releaseWords(job.release) : job.description || `Job ${job.id}`;
  return (
    <div>
      <div className={classes.job}>
        <Link to="/jobs/$id" params={{ id: String(job.id) }} className="link clip">
          {what}
        </Link>
        <StateOf state={job.state} />
      </div>
      <Progress.Root size={6} aria-label={`Progress of ${what}`}>
        <Progress.Section value={part(succeeded)} color="var(--tone-good)" aria-label="succeeded" />
        <Progress.Section value={part(failed)} color="var(--tone-bad)" aria-label="failed" />
        <Progress.Section value={part(canceled + skipped)} color="var(--tone-off)" aria-label="left out" />
      </Progress.Root>
      <Text size="xs" c="dimmed" mt={4}>
        {count(succeeded)} of {counted(targets, "device")} done
        {failed > 0 ? `, ${count(failed)} failed` : ""}
        {job.waves.length > 1 ? `, wave ${job.currentWave} of ${lastWave(job)}` : ""}
      </Text>
    </div>
  );
}

function ServerPanel() {
  const server = useQuery({
    queryKey: ["server"],
    queryFn: () => take(api.GET("/api/v1/server")),
    refetchInterval: 15_000,
  });
  const info = server.data;
  return (
    <Panel title="Server">
      {info ? (
        <Facts
          items={[
            ["Version", info.version],
            ["Connections", count(info.connections)],
            ...(info.residentBytes != null
              ? [["Memory", bytes(info.residentBytes)] as [string, string]]
              : []),
            ...(info.diskFreeBytes != null && info.diskTotalBytes != null
              ? [
                  ["Disk free", `${bytes(info.diskFreeBytes)} of ${bytes(info.diskTotalBytes)}`] as [
                    string,
                    string,
                  ],
                ]
              : []),
            ["Devices reach it at", info.deviceEndpoints.join(", ")],
            ["Up since", <Time key="since" at={info.startedAt} />],
          ]}
        />
      ) : (
        <Trouble error={server.error} />
      )}
    </Panel>
  );
}
