/** How devices come in: claims, templates, and those that wait for a decision: `/provisioning`. */
import { Tabs } from "@mantine/core";

import { useTabs } from "../../kit/nav";
import { Screen } from "../../kit/parts";
import { useCan } from "../../session/session";
import { Claims } from "./claims";
import { PendingQueue } from "./pending";
import { Templates } from "./templates";

export function Provisioning() {
  const may = useCan();
  const tabs = useTabs("claims", "templates", "pending");
  return (
    <Screen title="Provisioning" about="How devices come in, and who decides.">
      <Tabs {...tabs}>
        <Tabs.List mb="md">
          <Tabs.Tab value="claims">Claims</Tabs.Tab>
          <Tabs.Tab value="templates">Templates</Tabs.Tab>
          {may("credential.read") ? <Tabs.Tab value="pending">Waiting</Tabs.Tab> : null}
        </Tabs.List>
        <Tabs.Panel value="claims">
          <Claims />
        </Tabs.Panel>
        <Tabs.Panel value="templates">
          <Templates />
        </Tabs.Panel>
        <Tabs.Panel value="pending">
          <PendingQueue />
        </Tabs.Panel>
      </Tabs>
    </Screen>
  );
}
