import { once } from "node:events";
import { join } from "node:path";
import { loadExeca } from "../../toolchain/execa";

export interface ServerProcess {
  /** On loopback, without a path. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts a server of this folder, which prints its port when it listens. @param input what it reads on standard input */
export async function startServer(file: "paced-server" | "relay", input = ""): Promise<ServerProcess> {
  const execa = await loadExeca();
  const running = execa(process.execPath, ["--import", "tsx", join(__dirname, `${file}.ts`)], {
    input,
    reject: false,
    buffer: false,
    stderr: "inherit",
  });
  const [port] = (await Promise.race([
    once(running.stdout, "data"),
    running.then(({ exitCode }) => Promise.reject(new Error(`${file} ended with ${exitCode}`))),
  ])) as [Buffer];
  return {
    url: `http://127.0.0.1:${port.toString("utf8").trim()}`,
    stop: async () => {
      running.kill();
      await running;
    },
  };
}
