import { describe, expect, it } from "vitest";
import { bytes, counted, measured, relativeTime, span, words } from "./format";

describe("times", () => {
  it("are told in their largest unit, before and after now", () => {
    const now = 1_700_000_000_000;
    expect(relativeTime(now - 2_000, now)).toBe("just now");
    expect(relativeTime(now - 90_000, now)).toBe("1 min ago");
    expect(relativeTime(now + 3 * 3_600_000, now)).toBe("in 3 h");
    expect(span(50 * 3_600_000)).toBe("2 d");
    expect(span(800 * 86_400_000)).toBe("2 y");
  });
});

describe("sizes and counts", () => {
  it("use binary units and group thousands", () => {
    expect(bytes(512)).toBe("512 B");
    expect(bytes(1536)).toBe("1.5 KiB");
    expect(bytes(10 * 1024 ** 3)).toBe("10.0 GiB");
    expect(counted(1, "device")).toBe("1 device");
    expect(counted(1_000_000, "device")).toBe("1,000,000 devices");
  });
});

describe("measured values", () => {
  it("are short, whatever they are", () => {
    expect(measured(21.123456789)).toBe("21.1235");
    expect(measured(0.00001)).toBe("1.000e-5");
    expect(measured(true)).toBe("true");
    expect(measured("<b>")).toBe("<b>");
    expect(words("inProgress")).toBe("in progress");
  });
});
