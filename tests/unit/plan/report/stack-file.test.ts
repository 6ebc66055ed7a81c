import { expect, test } from "vitest";
import { reportedStackFile } from "../../../../plan/report/stack-file";

test("a stack file keeps its words and comments, but not encrypted values, the salt and system prompts", () => {
  const written = `# ours
encryptionsalt: v1:abc:v1:def
config:
  # of the operator
  tms-llm:huggingFaceToken:
    secure: v1:xyz
  tms-llm:models:
    - name: tiny
      system: |
        You answer for Acme only.
        Never name a price.
`;
  const { text, prompts } = reportedStackFile(written)!;
  expect(text).toBe(`# ours
encryptionsalt: "[secret]"
config:
  # of the operator
  tms-llm:huggingFaceToken:
    secure: "[secret]"
  tms-llm:models:
    - name: tiny
      system: |-
        [prompt: 46 characters]
`);
  expect(prompts).toEqual(["You answer for Acme only.\nNever name a price.\n"]);
});

test("a text that is no YAML is not shown at all", () => {
  expect(reportedStackFile("a: [b\nsecure: x")).toBeUndefined();
});
