// How many devices run which version, as far as device types say that versions show in the inventory.
import { Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { api, take } from "../../api/client";
import { quoted } from "../../api/query";
import { count } from "../../ui/format";
import { Panel } from "../../ui/Page";
import { shares, versionKeys } from "./versions";
import classes from "./overview.module.css";

const MOST_SHOWN = 6;

export function VersionsPanel() {
  const types = useQuery({
    queryKey: ["type", "list", "overview"],
    queryFn: () => take(api.GET("/api/v1/types", { params: { query: { limit: 1000 } } })),
  });
  const keys = versionKeys(types.data?.items ?? []);
  const fleet = useQuery({
    queryKey: ["fleet", "versions", keys],
    queryFn: () =>
      take(
        api.GET("/api/v1/devices", {
          params: { query: { limit: 1, facets: keys.map((key) => `inventory.${key}`).join(",") } },
        }),
      ),
    enabled: keys.length > 0,
  });
  const known = keys.flatMap((key) => {
    const facet = fleet.data?.facets?.[`inventory.${key}`] ?? [];
    return facet.length > 0 ? [{ key, ...shares(facet, MOST_SHOWN) }] : [];
  });
  if (known.length === 0) return null;
  return (
    <Panel title="Versions">
      <Stack>
        {known.map((it) => (
          <div key={it.key}>
            <Text size="sm" c="dimmed" mb={4}>
              {it.key}
            </Text>
            <ul className={classes.versions}>
              {it.shares.map((share) => (
                <li key={share.version}>
                  <Link
                    to="/devices"
                    search={{ q: `inventory.${it.key}==${quoted(share.version)}` }}
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
