// Icons of the console, drawn on a 16 px grid. All are decoration: what they stand beside says the same in words.
import type { ReactNode } from "react";

function icon(children: ReactNode) {
  return function Icon({ size = 16 }: { size?: number }) {
    return (
      <svg
        width={size}
        height={size}
        viewBox="0 0 16 16"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.4"
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
        focusable="false"
      >
        {children}
      </svg>
    );
  };
}

export const IconHome = icon(<path d="M2.5 7.5 8 3l5.5 4.5M4 6.5V13h8V6.5" />);
export const IconDevices = icon(
  <>
    <rect x="3" y="3" width="10" height="10" rx="1.5" />
    <path d="M6 1v2M10 1v2M6 13v2M10 13v2M1 6h2M1 10h2M13 6h2M13 10h2" />
  </>,
);
export const IconPlug = icon(<path d="M6 2v3M10 2v3M4 5h8v2.5a4 4 0 0 1-8 0zM8 11.5V15" />);
export const IconRocket = icon(
  <path d="M8 1.8c2.4 1.6 3 4.2 2.6 7.2H5.4C5 6 5.6 3.4 8 1.8zM5.4 9 3.5 11.5M10.6 9l1.9 2.5M8 11v3" />,
);
export const IconTerminal = icon(
  <>
    <rect x="1.5" y="2.5" width="13" height="11" rx="1.5" />
    <path d="m4.5 6 2 2-2 2M8.5 10.5h3" />
  </>,
);
export const IconPackage = icon(<path d="M2.5 5 8 2l5.5 3v6L8 14l-5.5-3zM2.5 5 8 8l5.5-3M8 8v6" />);
export const IconShape = icon(
  <path d="M2.5 2.5h4.5v4.5H2.5zM9 9h4.5v4.5H9zM11.25 2.5v4M9.25 4.5h4M2.5 11.25h4.5" />,
);
export const IconFolder = icon(<path d="M1.5 12.5v-9h4.5L7.5 5h7v7.5z" />);
export const IconKey = icon(
  <>
    <circle cx="5" cy="11" r="3" />
    <path d="m7.2 8.8 6-6M11 5l2 2" />
  </>,
);
export const IconBell = icon(<path d="M4 11V7a4 4 0 0 1 8 0v4l1 1H3zM6.8 14h2.4" />);
export const IconList = icon(<path d="M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4h.01M2.5 8h.01M2.5 12h.01" />);
export const IconBlock = icon(
  <>
    <circle cx="8" cy="8" r="6" />
    <path d="m4 4 8 8" />
  </>,
);
export const IconScroll = icon(
  <path d="M4 2h9v9a2.5 2.5 0 0 1-2.5 2.5h-6A2.5 2.5 0 0 0 7 11V2M4 2a1.5 1.5 0 0 0-1.5 1.5V5H7M9.5 5.5h1.5M9.5 8h1.5" />,
);
export const IconUsers = icon(
  <>
    <circle cx="6" cy="5" r="2.5" />
    <path d="M1.5 13.5c0-2.5 2-4 4.5-4s4.5 1.5 4.5 4M10.5 2.8a2.5 2.5 0 0 1 0 4.4M12 9.8c1.5.5 2.5 1.8 2.5 3.7" />
  </>,
);
export const IconToken = icon(
  <>
    <rect x="1.5" y="4" width="13" height="8" rx="1.5" />
    <path d="M4.5 8h.01M8 8h.01M11.5 8h.01" strokeWidth="2" />
  </>,
);
export const IconSettings = icon(
  <>
    <path d="M2 4.5h6M12 4.5h2M2 11.5h2M8 11.5h6" />
    <circle cx="10" cy="4.5" r="1.8" />
    <circle cx="6" cy="11.5" r="1.8" />
  </>,
);
export const IconMenu = icon(<path d="M2 4h12M2 8h12M2 12h12" />);
export const IconSun = icon(
  <>
    <circle cx="8" cy="8" r="3" />
    <path d="M8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M12.6 3.4l-.7.7M4.1 11.9l-.7.7" />
  </>,
);
export const IconMoon = icon(<path d="M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5z" />);
export const IconScreen = icon(
  <>
    <rect x="1.5" y="2.5" width="13" height="8.5" rx="1" />
    <path d="M5.5 14h5M8 11v3" />
  </>,
);
export const IconHelp = icon(
  <>
    <circle cx="8" cy="8" r="6" />
    <path d="M6.2 6.3a1.8 1.8 0 1 1 2.5 1.7c-.5.2-.7.5-.7 1.1M8 11.3h.01" />
  </>,
);
export const IconCopy = icon(
  <>
    <rect x="5.5" y="5.5" width="8" height="8" rx="1" />
    <path d="M10.5 5.5v-3h-8v8h3" />
  </>,
);
export const IconCheck = icon(<path d="m3 8.5 3.5 3.5L13 4.5" />);
export const IconSearch = icon(
  <>
    <circle cx="7" cy="7" r="4.5" />
    <path d="m10.5 10.5 3.5 3.5" />
  </>,
);
export const IconPlus = icon(<path d="M8 3v10M3 8h10" />);
export const IconMore = icon(<path d="M3.5 8h.01M8 8h.01M12.5 8h.01" strokeWidth="2.2" />);
export const IconColumns = icon(
  <>
    <rect x="2" y="2.5" width="12" height="11" rx="1" />
    <path d="M6 2.5v11M10 2.5v11" />
  </>,
);
export const IconDownload = icon(<path d="M8 2v8M4.5 7 8 10.5 11.5 7M2.5 13.5h11" />);
export const IconUpload = icon(<path d="M8 10.5V2.5M4.5 6 8 2.5 11.5 6M2.5 13.5h11" />);
export const IconRefresh = icon(<path d="M13 8a5 5 0 1 1-1.5-3.5L13 6M13 2.5V6H9.5" />);
export const IconClose = icon(<path d="m4 4 8 8M12 4l-8 8" />);
export const IconWarning = icon(<path d="M8 2 1.5 13.5h13zM8 6.5v3M8 11.6h.01" />);
export const IconDown = icon(<path d="m4 6 4 4 4-4" />);
