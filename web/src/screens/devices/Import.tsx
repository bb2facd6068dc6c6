// A list of devices from a file: first what it would do, then doing it.
import { Button, FileInput, Group, Radio, Stack, Table, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { fetchRaw, type Schemas } from "../../api/client";
import { Clip } from "../../ui/Clip";
import { count, counted } from "../../ui/format";
import { Page, Panel } from "../../ui/Page";
import { Snippet } from "../../ui/Snippet";
import { Status } from "../../ui/Status";
import { Trouble } from "../../ui/Trouble";

type ImportReport = Schemas["ImportReport"];

type OnError = "abort" | "skip";

const EXAMPLE = `name,type,tags,groups,attribute.site
pump-0001,pump,outdoor berlin,eu/berlin,Berlin
pump-0002,pump,outdoor,eu/berlin,Berlin`;

export function Import() {
  const client = useQueryClient();
  const [file, setFile] = useState<File | null>(null);
  const [onError, setOnError] = useState<OnError>("abort");
  const look = useMutation({ mutationFn: (chosen: File) => send(chosen, true, onError) });
  const run = useMutation({
    mutationFn: (chosen: File) => send(chosen, false, onError),
    onSuccess: () => client.invalidateQueries({ queryKey: ["device"] }),
  });
  const report = run.data ?? look.data;

  return (
    <Page
      title="Import devices"
      trail={
        <Link to="/devices" className="link">
          Devices
        </Link>
      }
      subtitle="A CSV or JSON file with up to 100,000 rows. Devices that exist already are updated."
    >
      <Stack>
        <Panel title="1. The file">
          <Stack gap="sm">
            <FileInput
              label="File"
              placeholder="Choose a .csv or .json file"
              accept=".csv,.json,text/csv,application/json"
              value={file}
              onChange={(chosen) => {
                setFile(chosen);
                look.reset();
                run.reset();
                if (chosen) look.mutate(chosen);
              }}
              clearable
              clearButtonProps={{ "aria-label": "Choose no file" }}
            />
            <details>
              <summary>What the file looks like</summary>
              <Text size="sm" my="xs">
                The first row names the columns: <code>name</code>, and any of <code>type</code>,{" "}
                <code>kind</code>, <code>parent</code>, <code>tags</code>, <code>groups</code>,{" "}
                <code>attribute.&lt;key&gt;</code>.
              </Text>
              <Snippet text={EXAMPLE} label="an example file" />
            </details>
          </Stack>
        </Panel>
        <Trouble error={look.error ?? run.error} />
        {look.isPending ? <Text role="status">Reading {file?.name}…</Text> : null}
        {report ? <Report report={report} /> : null}
        {report && !run.data && file ? (
          <Panel title="3. Import">
            <Stack gap="sm">
              {report.failed > 0 ? (
                <Radio.Group
                  label={`${counted(report.failed, "row")} cannot be used`}
                  value={onError}
                  onChange={(value) => setOnError(value as OnError)}
                >
                  <Stack gap={6} mt={6}>
                    <Radio value="abort" label="Import nothing; I correct the file first" />
                    <Radio
                      value="skip"
                      label={`Import the ${counted(report.valid, "good row")} and leave out the others`}
                    />
                  </Stack>
                </Radio.Group>
              ) : null}
              <Group>
                <Button
                  loading={run.isPending}
                  disabled={report.valid === 0 || (report.failed > 0 && onError === "abort")}
                  onClick={() => run.mutate(file)}
                >
                  Import {counted(report.valid, "device")}
                </Button>
              </Group>
            </Stack>
          </Panel>
        ) : null}
        {run.data ? (
          <Group>
            <Button component={Link} to="/devices">
              To the devices
            </Button>
          </Group>
        ) : null}
      </Stack>
    </Page>
  );
}

async function send(file: File, dryRun: boolean, onError: OnError): Promise<ImportReport> {
  const json = file.type === "application/json" || file.name.toLowerCase().endsWith(".json");
  // A look at the file reports every row, whatever the import will do about bad ones.
  const query = new URLSearchParams({ dryRun: String(dryRun), onError: dryRun ? "skip" : onError });
  const answer = await fetchRaw(`/api/v1/devices/import?${query}`, {
    method: "POST",
    headers: { "content-type": json ? "application/json" : "text/csv" },
    body: file,
  });
  return (await answer.json()) as ImportReport;
}

function Report({ report }: { report: ImportReport }) {
  const summary = report.dryRun
    ? `${counted(report.rows, "row")}: ${count(report.toCreate)} new, ${count(report.toUpdate)} to update, ${count(report.unchanged)} unchanged, ${count(report.failed)} with problems.`
    : `${count(report.created)} created, ${count(report.updated)} updated, ${count(report.unchanged)} unchanged, ${count(report.failed)} left out.`;
  return (
    <>
      <Panel title={report.dryRun ? "2. What would happen" : "Done"}>
        <Text size="sm" mb="sm" role="status">
          {summary}
        </Text>
        <Table.ScrollContainer
          minWidth={520}
          type="native"
          tabIndex={0}
          role="region"
          aria-label="The first rows"
        >
          <Table aria-label="The first rows">
            <Table.Thead>
              <Table.Tr>
                <Table.Th scope="col">Row</Table.Th>
                <Table.Th scope="col">Device</Table.Th>
                <Table.Th scope="col">What</Table.Th>
                <Table.Th scope="col">Type</Table.Th>
                <Table.Th scope="col">Tags</Table.Th>
                <Table.Th scope="col">Attributes</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {report.preview.map((row) => (
                <Table.Tr key={row.row}>
                  <Table.Td>{row.row}</Table.Td>
                  <Table.Td maw={220}>
                    <Clip>{row.name}</Clip>
                  </Table.Td>
                  <Table.Td>
                    <Status
                      tone={row.action === "error" ? "bad" : row.action === "unchanged" ? "off" : "good"}
                    >
                      {row.action}
                    </Status>
                  </Table.Td>
                  <Table.Td maw={140}>
                    <Clip>{row.type ?? "–"}</Clip>
                  </Table.Td>
                  <Table.Td maw={160}>
                    <Clip>{row.tags?.join(" ") || "–"}</Clip>
                  </Table.Td>
                  <Table.Td maw={260}>
                    <Clip>
                      {Object.entries(row.attributes ?? {})
                        .map(([key, value]) => `${key}=${value}`)
                        .join("  ") || "–"}
                    </Clip>
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
        {report.rows > report.preview.length ? (
          <Text size="xs" c="dimmed">
            The first {report.preview.length} of {counted(report.rows, "row")}.
          </Text>
        ) : null}
      </Panel>
      {report.problems.length > 0 ? (
        <Panel title="Problems">
          <Table.ScrollContainer
            minWidth={420}
            type="native"
            tabIndex={0}
            role="region"
            aria-label="Problems"
          >
            <Table aria-label="Problems, by row">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th scope="col">Row</Table.Th>
                  <Table.Th scope="col">Line</Table.Th>
                  <Table.Th scope="col">Device</Table.Th>
                  <Table.Th scope="col">Column</Table.Th>
                  <Table.Th scope="col">Problem</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {report.problems.map((bad) => (
                  <Table.Tr key={`${bad.row} ${bad.field} ${bad.problem}`}>
                    <Table.Td>{bad.row}</Table.Td>
                    <Table.Td>{bad.line ?? "–"}</Table.Td>
                    <Table.Td maw={180}>
                      <Clip>{bad.name ?? "–"}</Clip>
                    </Table.Td>
                    <Table.Td>{bad.field}</Table.Td>
                    <Table.Td className="anywhere">{bad.problem}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
          {report.problemsOmitted > 0 ? (
            <Text size="xs" c="dimmed">
              And {counted(report.problemsOmitted, "more problem")}.
            </Text>
          ) : null}
        </Panel>
      ) : null}
    </>
  );
}
