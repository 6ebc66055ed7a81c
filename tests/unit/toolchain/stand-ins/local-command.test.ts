import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { localCommand } from "../../../../toolchain/stand-ins/command/local";
import { goQuoted } from "../../../../toolchain/stand-ins/command/output";
import { secret, UNKNOWN, type Properties } from "../../../../toolchain/stand-ins/protocol/values";

function contextWith(signal = new AbortController().signal) {
  const lines: string[] = [];
  return { urn: "urn", name: "cmd", signal, lines, report: (line: string) => void lines.push(line) };
}

const create = (inputs: Properties, context = contextWith()) => localCommand.create(inputs, context);

describe("local.Command", () => {
  it("keeps its inputs with their wrappers, and both streams in clear with one newline cut", async () => {
    const inputs = { create: "cat; echo >&2 e; echo", stdin: secret("in\n"), environment: { A: "1" } };
    const made = await create(inputs);
    expect(made.id).toMatch(/^cmd[0-9a-f]{8}$/);
    expect(made.outputs).toEqual({ ...inputs, stdout: "in\n", stderr: "e" });
  });

  it("promises unknown streams in a preview", () => {
    expect(localCommand.plan({ create: "x" })).toEqual({ create: "x", stdout: UNKNOWN, stderr: UNKNOWN });
  });

  it("fails in the official plugin's words, with the command and its output but not its stdin", async () => {
    const failing = create({ create: 'cat >/dev/null; echo "out"; exit 5', stdin: "SECRET" });
    await expect(failing).rejects.toThrowErrorMatchingInlineSnapshot(`
      [Error: exit status 5: running "cat >/dev/null; echo \\"out\\"; exit 5":
      out
      ]
    `);
  });

  it("takes environment, directory and interpreter", async () => {
    const made = await create({
      create: 'echo "$PWD $A $0"',
      environment: { A: "a" },
      dir: "/usr",
      interpreter: ["/bin/bash", "-c"],
    });
    expect(made.outputs["stdout"]).toBe("/usr a /bin/bash");
  });

  it("fails for output that the state could not hold", async () => {
    await expect(create({ create: "printf '\\377'" })).rejects.toThrow("stdout is not valid UTF-8");
  });

  it("runs create again on an update without an update command, with the last output at hand", async () => {
    const inputs = { create: 'echo "was $PULUMI_COMMAND_STDOUT"' };
    const before = { ...inputs, stdout: "first", stderr: "" };
    expect(await localCommand.update?.(inputs, before, contextWith())).toMatchObject({ stdout: "was first" });
    const without = { ...inputs, addPreviousOutputInEnv: false };
    expect(await localCommand.update?.(without, before, contextWith())).toMatchObject({ stdout: "was " });
  });

  it("shows only the streams that logging names", async () => {
    const context = contextWith();
    await create({ create: "echo o; echo e >&2", logging: "stderr" }, context);
    expect(context.lines).toEqual(["e"]);
  });

  it("ends everything that it started when the user interrupts", async () => {
    const controller = new AbortController();
    const context = { ...contextWith(controller.signal), report: () => controller.abort() };
    const running = localCommand.create({ create: "sleep 7391 & echo here; sleep 7391" }, context);
    await expect(running).rejects.toThrow("signal: terminated");
    expect(execFileSync("ps", ["-eo", "args"]).toString()).not.toMatch(/^sleep 7391/m);
  });
});

it("a command is quoted as Go's %q does", () => {
  expect(goQuoted('a "b" \\ \n\t\x01 한글 \u200b')).toBe('"a \\"b\\" \\\\ \\n\\t\\x01 한글 \\u200b"');
});
