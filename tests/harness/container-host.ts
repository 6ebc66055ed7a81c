import { execa } from "execa";

/** What a command on the host said. */
export interface Said {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Thrown by {@link ContainerHost.shell}: the host's own words. */
export class HostCommandError extends Error {
  constructor(
    readonly script: string,
    readonly said: Said,
  ) {
    super(`exit code ${said.exitCode} on the test host from:\n${script}\n${said.stderr}${said.stdout}`);
  }
}

/** A host in a container that somebody else made, seen from inside as root. */
export class ContainerHost {
  constructor(readonly name: string) {}

  /** Runs a script; never throws for what the script itself answers. */
  async ask(script: string, input = ""): Promise<Said> {
    const { exitCode, stdout, stderr } = await execa("docker", ["exec", "-i", this.name, "sh", "-c", script], {
      input,
      reject: false,
    });
    return { exitCode: exitCode ?? 255, stdout, stderr };
  }

  /** Runs a script and gives its standard output. @throws HostCommandError */
  async shell(script: string, input = ""): Promise<string> {
    const said = await this.ask(script, input);
    if (said.exitCode !== 0) throw new HostCommandError(script, said);
    return said.stdout;
  }

  /** What the phases wrote to the host's journal. */
  async journal(): Promise<string> {
    return (await this.ask("journalctl -t tms-llm -n 200 --no-pager -o short-monotonic")).stdout;
  }
}
