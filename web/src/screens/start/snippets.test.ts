import { describe, expect, it } from "vitest";
import { shellFiles, SNIPPETS, type Where } from "./snippets";

const where: Where = {
  name: "board-1",
  host: "fleet.example.com",
  port: 8883,
  certificatePem: "-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n",
  privateKeyPem: "-----BEGIN PRIVATE KEY-----\nBBB\n-----END PRIVATE KEY-----\n",
  caPem: "-----BEGIN CERTIFICATE-----\nCCC\n-----END CERTIFICATE-----\n",
};

describe("snippets", () => {
  it("all name the device, the server and its port", () => {
    for (const snippet of SNIPPETS) {
      const text = snippet.text(where);
      const polls = snippet.id === "swupdate" || snippet.id === "rauc";
      expect(text, snippet.id).toContain(polls ? "board-1" : "devices/board-1/telemetry");
      expect(text, snippet.id).toContain("fleet.example.com");
      expect(text, snippet.id).toContain("8883");
    }
  });
  it("write the three files so that only the owner reads them", () => {
    const text = shellFiles(where);
    expect(text.startsWith("umask 077\n")).toBe(true);
    for (const body of ["AAA", "BBB", "CCC"]) expect(text).toContain(body);
    expect(text.match(/EOF/g)).toHaveLength(6);
  });
  it("embed files in ESP-IDF under the names that its linker makes", () => {
    const text = SNIPPETS.find((snippet) => snippet.id === "esp-idf")?.text(where) ?? "";
    expect(text).toContain("_binary_board_1_pem_start");
    expect(text).toContain("_binary_board_1_key_start");
  });
});
