// Colours and type of the console. Every pair of text and ground here meets WCAG AA in both schemes.
import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from "@mantine/core";

const sea: MantineColorsTuple = [
  "#e9f6fa",
  "#d6ebf2",
  "#aed8e6",
  "#83c4da",
  "#5fb0cb",
  "#3d97b5",
  "#287f9c",
  "#1c6b85",
  "#155a71",
  "#0c4457",
];

/** Greys of the dark scheme, with a little of the same blue. */
const dark: MantineColorsTuple = [
  "#dfe4e8",
  "#b6c0c8",
  "#8e9aa4",
  "#66727c",
  "#3a454e",
  "#2a333a",
  "#1c2329",
  "#161b20",
  "#11161a",
  "#0c1013",
];

export const theme = createTheme({
  respectReducedMotion: true,
  primaryColor: "sea",
  primaryShade: { light: 7, dark: 7 },
  colors: { sea, dark },
  defaultRadius: 6,
  cursorType: "pointer",
  fontFamily:
    'Inter, -apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif',
  fontFamilyMonospace:
    'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace',
  fontSizes: { xs: "12px", sm: "13.5px", md: "14.5px", lg: "16px", xl: "18px" },
  headings: {
    fontWeight: "620",
    sizes: {
      h1: { fontSize: "22px", lineHeight: "1.3" },
      h2: { fontSize: "15px", lineHeight: "1.4" },
      h3: { fontSize: "14px", lineHeight: "1.4" },
    },
  },
  components: {
    Button: { defaultProps: { size: "sm" } },
    ActionIcon: { defaultProps: { size: 32 } },
    Modal: { defaultProps: { centered: true, radius: 8, overlayProps: { backgroundOpacity: 0.45 } } },
    Table: { defaultProps: { verticalSpacing: 7, horizontalSpacing: "sm" } },
    Tooltip: { defaultProps: { openDelay: 300, withArrow: true } },
  },
});

export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-body": "#f7f8f9",
    "--mantine-color-text": "#1b2126",
    "--mantine-color-dimmed": "#59636c",
    "--mantine-color-error": "#b42318",
    "--mantine-color-placeholder": "#66717a",
    "--mantine-color-anchor": "#1c6b85",
    "--surface": "#ffffff",
    "--surface-sunk": "#f2f4f5",
    "--surface-hover": "#eef2f4",
    "--surface-chosen": "#e3f0f5",
    "--line": "#e1e5e8",
    "--line-strong": "#c4ccd2",
    "--tone-good": "#1f8f5f",
    "--tone-busy": "#2b7fc4",
    "--tone-warn": "#c47a00",
    "--tone-bad": "#cf3a2e",
    "--tone-off": "#98a2aa",
  },
  dark: {
    "--mantine-color-body": "#12161a",
    "--mantine-color-text": "#dfe4e8",
    "--mantine-color-dimmed": "#9aa6b0",
    "--mantine-color-error": "#ff8b80",
    "--mantine-color-placeholder": "#8a97a1",
    "--mantine-color-anchor": "#7cc7de",
    "--mantine-color-default": "#1e252b",
    "--mantine-color-default-hover": "#273038",
    "--mantine-color-default-border": "#36414a",
    "--surface": "#191f24",
    "--surface-sunk": "#141a1e",
    "--surface-hover": "#212930",
    "--surface-chosen": "#1b3540",
    "--line": "#2a333a",
    "--line-strong": "#414d57",
    "--tone-good": "#3fbf87",
    "--tone-busy": "#5aa9ea",
    "--tone-warn": "#e5a63a",
    "--tone-bad": "#f0695d",
    "--tone-off": "#6d7983",
  },
});
