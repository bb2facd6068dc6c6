// The frame around every screen: navigation, user menu, live indicator, keys, and the sign-in over the page.
import {
  ActionIcon,
  AppShell,
  Burger,
  Group,
  Kbd,
  Menu,
  Modal,
  ScrollArea,
  Table,
  Text,
  Tooltip,
} from "@mantine/core";
import { useDisclosure, useMediaQuery } from "@mantine/hooks";
import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { useEffect, useMemo } from "react";
import { useLive } from "../api/live";
import { SignInCard } from "../session/SignIn";
import { useCan, useMe, useSession } from "../session/session";
import { IconHelp } from "../ui/icons";
import { Logo } from "../ui/Logo";
import { failed } from "../ui/toast";
import { type Binding, focusList, focusSearch, LIST_KEYS, useKeyboard } from "./keyboard";
import { LiveDot } from "./LiveDot";
import { NAVIGATION } from "./navigation";
import { SchemeMenuItems } from "./scheme";
import classes from "./shell.module.css";

export function Shell() {
  const [open, nav] = useDisclosure(false);
  // Out of sight on a phone, the navigation is out of the way of the keyboard too.
  const narrow = useMediaQuery("(max-width: 48em)") ?? false;
  const [help, helpDialog] = useDisclosure(false);
  const { state, signOut } = useSession();
  const me = useMe();
  const can = useCan();
  const navigate = useNavigate();
  const path = useRouterState({ select: (router) => router.location.pathname });
  const expired = state.kind === "signedIn" && state.expired;
  useLive(!expired);
  const { close: closeNav } = nav;
  useEffect(() => closeNav(), [path, closeNav]);

  const groups = useMemo(
    () =>
      NAVIGATION.map((group) => ({
        ...group,
        items: group.items.filter((item) => !item.permission || can(item.permission)),
      })).filter((group) => group.items.length > 0),
    [can],
  );
  const bindings: Binding[] = [
    { keys: "?", means: "This help", run: helpDialog.open },
    { keys: "/", means: "Search on this page", run: focusSearch },
    { keys: "j", means: "To the list", run: focusList },
    ...groups
      .flatMap((group) => group.items)
      .filter((item) => item.key)
      .map((item) => ({
        keys: `g ${item.key}`,
        means: `Go to ${item.label}`,
        run: () => void navigate({ to: item.to }),
      })),
  ];
  useKeyboard(bindings, !expired);

  return (
    <AppShell
      layout="alt"
      header={{ height: 52 }}
      navbar={{ width: 220, breakpoint: "sm", collapsed: { mobile: !open } }}
      padding={{ base: "sm", sm: "lg" }}
      classNames={{ header: classes.header, navbar: classes.navbar }}
    >
      <a href="#main" className={classes.skip}>
        Skip to content
      </a>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Burger opened={open} onClick={nav.toggle} hiddenFrom="sm" size="sm" aria-label="Navigation" />
          <span />
          <Group gap={8} wrap="nowrap">
            <LiveDot />
            <Tooltip label="Keys (?)">
              <ActionIcon variant="subtle" color="gray" aria-label="Keyboard help" onClick={helpDialog.open}>
                <IconHelp />
              </ActionIcon>
            </Tooltip>
            <Menu position="bottom-end" width={230}>
              <Menu.Target>
                <button type="button" className={classes.user} aria-label={`Account of ${me.name}`}>
                  <span className={classes.initial} data-initial={[...me.name][0]?.toUpperCase()} />
                  <span className={classes.userName}>{me.name}</span>
                </button>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Label>
                  {me.name} · {me.role}
                </Menu.Label>
                <Menu.Item onClick={() => void navigate({ to: "/account" })}>Password and sessions</Menu.Item>
                <Menu.Divider />
                <SchemeMenuItems />
                <Menu.Divider />
                <Menu.Item onClick={() => signOut().catch(failed)}>Sign out</Menu.Item>
              </Menu.Dropdown>
            </Menu>
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar component="nav" aria-label="Main" inert={narrow && !open}>
        <Group px="md" h={52} gap={10} wrap="nowrap" justify="space-between">
          <Link to="/" className={classes.brand}>
            <Logo size={26} /> Windlass
          </Link>
          <Burger
            opened={open}
            onClick={nav.toggle}
            hiddenFrom="sm"
            size="sm"
            aria-label="Close navigation"
          />
        </Group>
        <ScrollArea flex={1} px={10} pb="md">
          {groups.map((group) => (
            <div key={group.label} className={classes.group}>
              <Text size="xs" c="dimmed" className={classes.groupLabel}>
                {group.label}
              </Text>
              {group.items.map((item) => (
                <Link
                  key={item.to}
                  to={item.to}
                  className={classes.item}
                  activeOptions={{ exact: item.to === "/", includeSearch: false }}
                  activeProps={{ "aria-current": "page" }}
                >
                  <item.icon />
                  {item.label}
                </Link>
              ))}
            </div>
          ))}
        </ScrollArea>
      </AppShell.Navbar>
      <AppShell.Main id="main" tabIndex={-1} className={classes.main}>
        {me.insecureCookie ? (
          <Text size="sm" className={classes.banner} role="note">
            This connection is not encrypted: whoever can listen in can take over your session.
          </Text>
        ) : null}
        <Outlet />
      </AppShell.Main>
      <Modal
        opened={help}
        onClose={helpDialog.close}
        title="Keys"
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <Table>
          <Table.Tbody>
            {[...bindings, ...LIST_KEYS].map(({ keys, means }) => (
              <Table.Tr key={`${keys} ${means}`}>
                <Table.Td w={110}>
                  {keys.split(" ").map((key, place) =>
                    key === "/" && keys.length > 1 ? (
                      " / "
                    ) : (
                      <Kbd key={`${key}${place}`} mr={4}>
                        {key}
                      </Kbd>
                    ),
                  )}
                </Table.Td>
                <Table.Td>{means}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Modal>
      <Modal
        opened={expired}
        onClose={() => undefined}
        withCloseButton={false}
        closeOnClickOutside={false}
        closeOnEscape={false}
        title="Your session has ended"
        zIndex={400}
      >
        <SignInCard
          user={me.kind === "user" ? me.name : ""}
          note="Sign in to go on. What you were writing is still there; nothing was sent again."
        />
      </Modal>
    </AppShell>
  );
}
