import { Button, Menu } from "@mantine/core";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useState } from "react";
import { api, asProblem, type Page as ApiPage, takeWhole } from "../../api/client";
import { ListTable, NOTHING, type Selection } from "../../list/ListTable";
import { QueryBar } from "../../list/QueryBar";
import { list } from "../../routes/search";
import { useCan } from "../../session/session";
import { counted } from "../../ui/format";
import { IconDown } from "../../ui/icons";
import { Empty, Page } from "../../ui/Page";
import { Bulk } from "./Bulk";
import { COLUMNS, type Device } from "./columns";
import classes from "./devices.module.css";
import { Facets, FACETS } from "./Facets";

type Counts = Record<string, { value: string; count: number }[]>;

/** The fleet: query, facets, columns, and what is done to many at once. */
export function Devices() {
  const search = useSearch({ from: "/shell/devices" });
  const navigate = useNavigate({ from: "/devices" });
  const can = useCan();
  const query = search.q ?? "";
  const [first, setFirst] = useState<ApiPage<Device>>();
  const [problem, setProblem] = useState<unknown>();
  const [selection, setSelection] = useState<Selection>(NOTHING);

  const setQuery = (q: string) => {
    setSelection(NOTHING);
    void navigate({ search: (before) => ({ ...before, q: q || undefined }) });
  };
  const load = useCallback(
    async (cursor: string | undefined, signal: AbortSignal) => {
      try {
        const { data } = await takeWhole(
          api.GET("/api/v1/devices", {
            params: {
              query: {
                q: query || undefined,
                sort: search.sort,
                cursor,
                limit: 100,
                facets: cursor ? undefined : FACETS.join(","),
              },
            },
            signal,
          }),
        );
        setProblem(undefined);
        return data;
      } catch (error) {
        // A query that is none is told at the query, not instead of the list.
        if (!asProblem(error).fields.some((field) => field.field === "q")) throw error;
        setProblem(error);
        return { items: [] };
      }
    },
    [query, search.sort],
  );
  const onFirstPage = useCallback((page: ApiPage<Device>) => setFirst(page), []);
  const total = first?.total ?? undefined;
  const chosen = selection.allMatching ? total : selection.picked.size;

  return (
    <Page
      title="Devices"
      subtitle={
        total === undefined
          ? undefined
          : query
            ? `${counted(total, "device")} ${total === 1 ? "matches" : "match"}`
            : counted(total, "device")
      }
      actions={
        <>
          <Menu position="bottom-end">
            <Menu.Target>
              <Button variant="default" rightSection={<IconDown />}>
                Import, export
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              {can("device.write") ? (
                <Menu.Item onClick={() => void navigate({ to: "/devices/import" })}>
                  Import from a file…
                </Menu.Item>
              ) : null}
              <Menu.Item component="a" href={exportUrl(query)} download>
                Export {query ? "what matches" : "all"} as CSV
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
          {can("device.write") ? (
            <Button component={Link} to="/connect">
              Connect a device
            </Button>
          ) : null}
        </>
      }
    >
      <div className={classes.search}>
        <QueryBar value={query} onQuery={setQuery} error={problem} />
      </div>
      <div className={classes.split}>
        <Facets
          facets={(first?.facets as Counts | null | undefined) ?? {}}
          query={query}
          onQuery={setQuery}
        />
        <ListTable<Device>
          label="Devices"
          queryKey={["device", "list", query, search.sort]}
          load={load}
          columns={COLUMNS}
          rowId={(device) => device.name}
          onOpen={(device) => void navigate({ to: "/devices/$name", params: { name: device.name } })}
          sort={search.sort}
          onSort={(sort) => void navigate({ search: (before) => ({ ...before, sort }) })}
          shown={list(search.columns)}
          onShown={(columns) =>
            void navigate({ search: (before) => ({ ...before, columns: columns?.join(",") }) })
          }
          selection={selection}
          onSelection={setSelection}
          onFirstPage={onFirstPage}
          tools={
            <div className={classes.chosen} role="status">
              {chosen ? (
                <>
                  <span>{counted(chosen, "device")} selected</span>
                  {!selection.allMatching && total !== undefined && total > selection.picked.size ? (
                    <Button
                      size="xs"
                      variant="subtle"
                      onClick={() => setSelection({ picked: new Set(), allMatching: true })}
                    >
                      Select all {counted(total, "device")} {query ? "that match" : ""}
                    </Button>
                  ) : null}
                  <Bulk
                    selection={selection}
                    query={query}
                    total={chosen}
                    onDone={() => setSelection(NOTHING)}
                  />
                </>
              ) : null}
            </div>
          }
          empty={
            problem ? (
              <Empty title="The query cannot be read">It is marked above where it goes wrong.</Empty>
            ) : query ? (
              <Empty
                title="No device matches"
                action={
                  <Button variant="default" onClick={() => setQuery("")}>
                    Clear the query
                  </Button>
                }
              >
                Try fewer conditions, or a star for unknown characters: <code>name==pump*</code>
              </Empty>
            ) : (
              <Empty
                title="No devices yet"
                action={
                  can("device.write") ? (
                    <>
                      <Button component={Link} to="/connect">
                        Connect the first device
                      </Button>
                      <Button variant="default" component={Link} to="/devices/import">
                        Import a list
                      </Button>
                    </>
                  ) : undefined
                }
              >
                Devices come in by hand, from a file, or by themselves with a claim certificate.
              </Empty>
            )
          }
        />
      </div>
    </Page>
  );
}

function exportUrl(query: string): string {
  return `/api/v1/devices/export${query ? `?${new URLSearchParams({ q: query })}` : ""}`;
}
