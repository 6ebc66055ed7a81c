import { execa } from "execa";
import { HostCommandError, type Said } from "./bare-host";

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
