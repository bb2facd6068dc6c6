// Light, dark, or as the system has it. Kept in this browser under the key that `public/scheme.js` reads.
import { localStorageColorSchemeManager, Menu, useMantineColorScheme } from "@mantine/core";
import { IconMoon, IconScreen, IconSun } from "../ui/icons";

export const schemeManager = localStorageColorSchemeManager({ key: "windlass-scheme" });

const CHOICES = [
  { scheme: "light", label: "Light", icon: IconSun },
  { scheme: "dark", label: "Dark", icon: IconMoon },
  { scheme: "auto", label: "As the system", icon: IconScreen },
] as const;

export function SchemeMenuItems() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return CHOICES.map((choice) => (
    <Menu.Item
      key={choice.scheme}
      role="menuitemradio"
      aria-checked={colorScheme === choice.scheme}
      leftSection={<choice.icon />}
      rightSection={colorScheme === choice.scheme ? <span aria-hidden="true">✓</span> : undefined}
      onClick={() => setColorScheme(choice.scheme)}
    >
      {choice.label}
    </Menu.Item>
  ));
}
