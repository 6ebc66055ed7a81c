import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa, execaSync } from "execa";
import { fillSecrets, type SecretValues } from "../../plan/render/payload";
import type { Step } from "../../plan/step";

/** A real nginx on files of a step, in a folder of its own, without root and beside any nginx of the machine. */

/** Tests that need it say so in their title. */
export const NGINX_MISSING = execaSync("nginx", ["-v"], { reject: false }).failed;

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

export interface NginxFiles {
  readonly root: string;
  /** Where a path of the host lies in this folder. */
  readonly path: (hostPath: string) => string;
  readonly remove: () => void;
}

// What Debian's nginx.conf and a cautious operator's have in common that could harm streams.
const MAIN = (root: string, http: string) => `
daemon off;
pid ${root}/nginx.pid;
error_log ${root}/error.log;
worker_processes 1;
events { worker_connections 256; }
http {
    client_body_temp_path ${root}/body;
    proxy_temp_path ${root}/proxy;
    fastcgi_temp_path ${root}/fastcgi;
    uwsgi_temp_path ${root}/uwsgi;
    scgi_temp_path ${root}/scgi;
    access_log off;
    gzip on;
    gzip_types *;
    client_max_body_size 1k;
    ${http}
    include ${root}/etc/nginx/conf.d/*.conf;
}
`;

/** Writes a step's files below a new folder; `http` is further text for the http block. */
export function layOut(step: Step, secrets: SecretValues, http = ""): NginxFiles {
  const root = mkdtempSync(join(tmpdir(), "gateway-"));
  const path = (hostPath: string) => join(root, hostPath);
  const write = (hostPath: string, text: string) => {
    mkdirSync(dirname(path(hostPath)), { recursive: true });
    writeFileSync(path(hostPath), text, { mode: 0o600 });
  };
  const moved = (text: string) => text.replaceAll(/(?<=[\s"])\/(?=etc\/|var\/log\/|run\/)/g, `${root}/`);
  for (const file of step.files) write(file.path, moved(fillSecrets(file.text, secrets)));
  mkdirSync(path("/var/log/nginx"), { recursive: true });
  // Started by root, nginx has workers of another user; on a host they can look into /run.
  mkdirSync(path("/run"));
  chmodSync(root, 0o711);
  write("/nginx.conf", MAIN(root, http));
  return { root, path, remove: () => rmSync(root, { recursive: true, force: true }) };
}

const command = ({ root }: NginxFiles) => ["-p", root, "-c", join(root, "nginx.conf")];

/** What `nginx -t` says; throws its words when the configuration is not valid. */
export async function validate(files: NginxFiles): Promise<string> {
  const { stderr } = await execa("nginx", [...command(files), "-t"]);
  return stderr;
}

export class Nginx {
  private constructor(
    private readonly files: NginxFiles,
    private readonly process: ChildProcess,
  ) {}

  /** Starts nginx and waits until `port` takes connections. */
  static async start(files: NginxFiles, port: number): Promise<Nginx> {
    await validate(files);
    const process = spawn("nginx", command(files), { stdio: "ignore" });
    const nginx = new Nginx(files, process);
    const deadline = Date.now() + 5000;
    while (!(await accepts(port))) {
      if (process.exitCode !== null || Date.now() > deadline)
        throw new Error(`nginx does not start: ${nginx.log("/error.log")}`);
      await sleep(20);
    }
    return nginx;
  }

  /** Has it read its files again; the workers that are running finish what they are at. */
  reload(): void {
    this.process.kill("SIGHUP");
  }

  /** Process ids of the workers that take requests; one that only finishes its last calls itself "shutting down". */
  async workers(): Promise<string[]> {
    const { stdout } = await execa("pgrep", ["-P", String(this.process.pid), "-f", "worker process$"]);
    return stdout.split("\n");
  }

  log(hostPath: string): string {
    return readFileSync(this.files.path(hostPath), "utf8");
  }

  async stop(): Promise<void> {
    this.process.kill("SIGTERM");
    if (this.process.exitCode === null) await once(this.process, "exit");
    this.files.remove();
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  const opened = await new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
  });
  socket.destroy();
  return opened;
}
