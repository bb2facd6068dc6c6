// How many devices run which version, as each shows it at the places of its type.
import { Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { api, take } from "../../api/client";
import { quoted } from "../../api/query";
import { count } from "../../ui/format";
import { Panel } from "../../ui/Page";
import { distribution } from "./versions";
import classes from "./overview.module.css";

const MOST_SHOWN = 6;

export function VersionsPanel() {
  const fleet = useQuery({
    queryKey: ["fleet", "versions"],
    queryFn: () => take(api.GET("/api/v1/devices", { params: { query: { limit: 1, facets: "running" } } })),
  });
  const known = distribution(fleet.data?.facets?.running ?? [], MOST_SHOWN);
  if (known.length === 0) return null;
  return (
    <Panel title="Versions">
      <Stack>
        {known.map((it) => (
          <div key={it.component}>
            <Text size="sm" c="dimmed" mb={4}>
              {it.component}
            </Text>
            <ul className={classes.versions}>
              {it.shares.map((share) => (
                <li key={share.running}>
                  <Link
                    to="/devices"
                    search={{ q: `running==${quoted(share.running)}` }}
                    className="link anywhere"
                  >
                    {share.version}
                  </Link>
                  <span className={classes.share} aria-hidden="true">
                    <span style={{ width: `${100 * share.part}%` }} />
                  </span>
                  <span className="numbers">{count(share.count)}</span>
                </li>
              ))}
            </ul>
            {it.others > 0 ? (
              <Text size="xs" c="dimmed" mt={4}>
                {count(it.others)} on others
              </Text>
            ) : null}
          </div>
        ))}
      </Stack>
    </Panel>
  );
}
