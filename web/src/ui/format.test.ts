import { describe, expect, it } from "vitest";
import {
  absoluteTime,
  bytes,
  counted,
  measured,
  relativeTime,
  sentence,
  span,
  withTimes,
  words,
} from "./format";

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

describe("times within sentences", () => {
  it("are those of the reader, and whatever only looks like one stays", () => {
    const at = "2099-01-01T02:00:00Z";
    const here = absoluteTime(Date.parse(at)).slice(0, 16);
    expect(withTimes(`It opens at ${at}.`)).toBe(`It opens at ${here}.`);
    expect(withTimes("It opens at 2099-01-01 02:00 UTC.")).toBe(`It opens at ${here}.`);
    expect(withTimes("build 2099-01-01 02:00 of UTC")).toBe("build 2099-01-01 02:00 of UTC");
    expect(withTimes(`From 2099-01-01T02:00:00.123456Z on`)).toBe(`From ${here} on`);
    expect(withTimes("version 2099-01-01 of x2099-01-01T02:00Z")).toBe(
      "version 2099-01-01 of x2099-01-01T02:00Z",
    );
  });
});

describe("remarks", () => {
  it("become sentences, and sentences stay", () => {
    expect(sentence("pauses after wave 1")).toBe("Pauses after wave 1.");
    expect(sentence("Is it there?")).toBe("Is it there?");
    expect(sentence("")).toBe("");
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
