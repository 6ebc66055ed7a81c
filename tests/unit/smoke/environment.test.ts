import { expect, test } from "vitest";
import { environmentLines, measuringMachine, parseHostEnvironment } from "../../../smoke/environment";
import { ENVIRONMENT } from "./environment";

/** As a host with a GPU prints it; the GPU's lines are recorded from the field order of nvidia-smi 550. */
const PRINTED = `system Debian GNU/Linux 12 (bookworm)
kernel 6.1.0
processor EPYC
processors 16
memory 137438953472
nginx 1.22.1
gpu NVIDIA L4, 23034 MiB, 550.54.14
`;
const LISTED = '{"models":[{"name":"tiny:latest","digest":"92ac7a1ba12f8ef3d7d91e9b0dbd1f2c"}]}';

test("a host is what it prints, with what its engine has", () => {
  expect(parseHostEnvironment(PRINTED, LISTED)).toEqual(ENVIRONMENT.host);
});

test("what a host does not tell is unknown, not left out", () => {
  expect(parseHostEnvironment("", "")).toEqual({
    ...{ system: "unknown", kernel: "unknown", processor: "unknown", processors: 0, memory: 0 },
    ...{ nginx: "unknown", gpus: [], models: {} },
  });
});

test("people read one line for each machine", () => {
  expect(environmentLines(ENVIRONMENT)).toMatchInlineSnapshot(`
    [
      "from here: tms-llm 0.1.0, Node v24, linux x64, kernel 6.1.0, 2 × EPYC, 8.0 GiB, load 0.5",
      "the host: Debian GNU/Linux 12 (bookworm), kernel 6.1.0, 16 × EPYC, 128.0 GiB, NVIDIA L4, 23034 MiB, 550.54.14, nginx 1.22.1, engine 0.17.4, tiny:latest 92ac7a1ba12f",
    ]
  `);
  expect(environmentLines(measuringMachine())).toHaveLength(1);
});
