import { describe, expect, test } from "vitest";
import { fillTemplate } from "../../../../plan/render/template";

describe("fillTemplate", () => {
  test("fills a slot wherever it stands", () => {
    expect(fillTemplate("listen {{port}}; # {{port}}\n", { port: "443" })).toBe("listen 443; # 443\n");
  });

  test("gives every line of a slot on its own line the slot's indentation", () => {
    expect(fillTemplate("a {\n    {{body}}\n}\n", { body: "b {\n    c;\n\n}" })).toBe(
      "a {\n    b {\n        c;\n\n    }\n}\n",
    );
  });

  test("removes the line of an empty slot", () => {
    expect(fillTemplate("a;\n    {{nothing}}\nb;\n", { nothing: "" })).toBe("a;\nb;\n");
  });

  test("leaves the slots of secrets, and values that look like slots", () => {
    expect(
      fillTemplate("{{secret:client/tms/a}} {{text}}\n{{line}}\n", { text: "{{line}} $&", line: "{{text}}" }),
    ).toBe("{{secret:client/tms/a}} {{line}} $&\n{{text}}\n");
  });

  test("refuses a slot without a value and a value without a slot, all at once", () => {
    expect(() => fillTemplate("{{a}} {{b}}", { b: "", c: "", toString: "" })).toThrow(
      'template: the slot {{a}} has no value; the value "c" has no slot; the value "toString" has no slot',
    );
    expect(() => fillTemplate("{{toString}}", {})).toThrow("the slot {{toString}} has no value");
  });
});
