import { describe, expect, it } from "vitest";
import { clauses, errorPlace, narrowed, placeAt, plain, quoted } from "./completion";

const at = (text: string) => {
  const caret = text.indexOf("|");
  return placeAt(text.replace("|", ""), caret);
};

describe("placeAt", () => {
  it("completes a field at the start, after a joint and after a bracket", () => {
    expect(at("|")).toMatchObject({ kind: "field", from: 0, to: 0, written: "" });
    expect(at("ty|")).toMatchObject({ kind: "field", written: "ty" });
    expect(at("type==pump;ta|")).toMatchObject({ kind: "field", from: 11, to: 13, written: "ta" });
    expect(at("(tag==a,na|")).toMatchObject({ kind: "field", written: "na" });
    expect(at("tag==a and na|")).toMatchObject({ kind: "field", written: "na" });
  });
  it("replaces the whole field when the caret is inside it", () => {
    expect(at("ty|pe==x")).toMatchObject({ kind: "field", from: 0, to: 4, written: "ty" });
  });
  it("completes an operator after a field", () => {
    expect(at("type =|")).toMatchObject({ kind: "operator", field: "type", written: "=" });
    expect(at("type=i|")).toMatchObject({ kind: "operator", field: "type", written: "=i" });
  });
  it("completes a value with its field, also in quotes and in lists", () => {
    expect(at("type==pu|")).toMatchObject({ kind: "value", field: "type", from: 6, to: 8, written: "pu" });
    expect(at("attribute.site=='new y|")).toMatchObject({
      kind: "value",
      field: "attribute.site",
      written: "new y",
    });
    expect(at("type=in=(pump,va|")).toMatchObject({ kind: "value", field: "type", from: 14, written: "va" });
    expect(at("tag==a;type==|")).toMatchObject({ kind: "value", field: "type", written: "" });
  });
  it("asks for a joint after a finished condition", () => {
    expect(at("type==pump |")).toMatchObject({ kind: "joint" });
    expect(at('name=="a b" |')).toMatchObject({ kind: "joint" });
  });
  it("never fails, whatever is written", () => {
    for (const text of ["===", "((((", "'", "a=='", "a=in=(", "a=in=(b,", "😀==😀", "a==b;;", ")", "a b c"])
      for (let caret = 0; caret <= text.length; caret += 1) expect(placeAt(text, caret).kind).toBeTruthy();
  });
});

describe("quoted", () => {
  it("leaves plain values alone and quotes the rest", () => {
    expect(quoted("pump-1")).toBe("pump-1");
    expect(quoted("new york")).toBe('"new york"');
    expect(quoted('5" pipe')).toBe("'5\" pipe'");
    expect(quoted("")).toBe('""');
  });
  it("takes a star as a star", () => {
    expect(quoted("a*b")).toBe('"a\\*b"');
  });
});

describe("clauses", () => {
  it("parts a query where no quotes and no parentheses are around", () => {
    expect(clauses("type==pump;tag==lab")).toEqual(["type==pump", "tag==lab"]);
    expect(clauses('tag=="a;tag==b;c"; type==x')).toEqual(['tag=="a;tag==b;c"', "type==x"]);
    expect(clauses("tag=='it\\'s;b;c';(a==1;b==2)")).toEqual(["tag=='it\\'s;b;c'", "(a==1;b==2)"]);
    expect(clauses(" ")).toEqual([]);
  });
});

describe("plain", () => {
  it("knows one condition in any quotes", () => {
    const same = ["tag=='Halle \"Süd\" 2'", 'tag=="Halle \\"Süd\\" 2"', "tag == 'Halle \"Süd\" 2'"];
    expect(new Set(same.map(plain)).size).toBe(1);
    expect(plain(`tag==${quoted('Halle "Süd" 2')}`)).toBe(plain(same[1] ?? ""));
    expect(plain('type=="pump"')).toBe(plain("type==pump"));
    expect(plain(`tag==${quoted("a*b\\c")}`)).toBe(plain("tag=='a\\*b\\\\c'"));
  });
  it("keeps apart what means something else", () => {
    expect(plain("tag=='a\\*'")).not.toBe(plain("tag=='a*'"));
    expect(plain("tag=='a'")).not.toBe(plain("type=='a'"));
    for (const other of ["tag=='a' or tag=='b'", "tag!='a'", "tag=in=('a')", "tag=='a", "(tag==a)"])
      expect(plain(other)).toBe(other);
  });
});

describe("narrowed", () => {
  it("joins with and, and keeps an or together", () => {
    expect(narrowed("", "type==a")).toBe("type==a");
    expect(narrowed("tag==x", "type==a")).toBe("tag==x;type==a");
    expect(narrowed("tag==x,tag==y", "type==a")).toBe("(tag==x,tag==y);type==a");
  });
});

describe("errorPlace", () => {
  it("reads the place from the server's sentence", () => {
    expect(errorPlace("at character 6: expected a value, found the end")).toBe(5);
    expect(errorPlace("is too long")).toBeUndefined();
  });
});
