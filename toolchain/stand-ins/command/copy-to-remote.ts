import { randomBytes } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { basename, posix } from "node:path";
import { promisify } from "node:util";
import type { Client, SFTPWrapper, Stats } from "ssh2";
import type { CallContext, ResourceType } from "../protocol/provider";
import { isArchive, isAsset, isUnknown, reveal, unwrap, type Asset } from "../protocol/values";
import { CONNECTION_FIELDS, normalisedConnection, type Connection } from "./connection";
import { dial } from "./ssh";

interface CopyInputs {
  readonly connection: Connection;
  readonly source: Asset;
  readonly remotePath: string;
}

/**
 * `command:remote:CopyToRemote`: a local file, a folder or a text, sent by SFTP. It copies when it is made and when
 * the source's hash or the path changes, not when only the host does; it never removes what it copied.
 */
export const copyToRemote: ResourceType = {
  fields: {
    connection: { kind: { object: CONNECTION_FIELDS }, required: true },
    remotePath: { kind: "string", required: true },
    source: { kind: "asset", required: true },
    triggers: { kind: "list" },
  },
  replacedBy: ["triggers"],
  check(inputs) {
    return {
      inputs: { ...inputs, connection: normalisedConnection(inputs["connection"]) },
      faults: sourceFaults(unwrap(inputs["source"])),
    };
  },
  plan: (inputs) => inputs,
  async create(inputs, context) {
    await copy(reveal(inputs) as CopyInputs, context);
    return { id: randomBytes(4).toString("hex"), outputs: inputs };
  },
  async update(inputs, before, context) {
    const wanted = reveal(inputs) as CopyInputs;
    const had = reveal(before) as CopyInputs;
    if (wanted.source.hash !== had.source.hash || wanted.remotePath !== had.remotePath) await copy(wanted, context);
    return inputs;
  },
};

function sourceFaults(source: unknown): string[] {
  if (isUnknown(source)) return ["source must be known in a preview: either asset or archive must be set"];
  if (isArchive(source) && source.path === undefined) return ["source: archive must be a path to a file or directory"];
  if (isAsset(source) && source.path === undefined && source.text === undefined) {
    return ["source: asset must be a path-based file asset or a text asset"];
  }
  return [];
}

async function copy({ connection, source, remotePath }: CopyInputs, context: CallContext): Promise<void> {
  const client = await dial(connection, context);
  const drop = (): void => void client.destroy();
  context.signal.addEventListener("abort", drop, { once: true });
  // A request that was under way when the line closed is never answered.
  const closed = new Promise<never>((_, reject) => {
    client.once("close", () => reject(new Error(`${connection.host}: the SSH line closed during the copy`)));
  });
  try {
    await Promise.race([transfer(client, source, remotePath), closed]);
  } finally {
    context.signal.removeEventListener("abort", drop);
    client.end();
  }
}

async function transfer(client: Client, source: Asset, remotePath: string): Promise<void> {
  const sftp = await promisify((done: (error: Error | undefined, opened: SFTPWrapper) => void) => client.sftp(done))();
  const target = new RemoteFiles(sftp);
  if (source.path === undefined) await target.write(source.text ?? "", remotePath);
  else await target.copy(source.path, remotePath);
}

/** SFTP's answer for a path that does not exist (status code of the protocol). */
const NO_SUCH_FILE = 2;

class RemoteFiles {
  constructor(private readonly sftp: SFTPWrapper) {}

  async write(text: string, path: string): Promise<void> {
    if ((await this.stat(path))?.isDirectory()) {
      throw new Error(`remote path ${path} is a directory; when using a text asset, remotePath must be a file path`);
    }
    await this.makeFolder(posix.dirname(path));
    await new Promise<void>((resolve, reject) => {
      this.sftp.writeFile(path, text, (error) =>
        error ? reject(new Error(`failed to write text content to remote path ${path}: ${error.message}`)) : resolve(),
      );
    });
  }

  /**
   * | source | path is a folder  | nothing there     | path is a file |
   * |--------|-------------------|-------------------|----------------|
   * | dir    | path/dir          | path/dir          | error          |
   * | dir/   | path/x for each x | path/x for each x | error          |
   * | file   | path/file         | path              | overwritten    |
   */
  async copy(source: string, path: string): Promise<void> {
    const folder = (await stat(source)).isDirectory();
    const there = await this.stat(path);
    if (folder) return this.copyFolder(source, source.endsWith("/") ? path : posix.join(path, basename(source)));
    if (there?.isDirectory()) return this.copyFile(source, posix.join(path, basename(source)));
    await this.makeFolder(posix.dirname(path));
    await this.copyFile(source, path);
  }

  private async copyFolder(source: string, path: string): Promise<void> {
    await this.makeFolder(path);
    for (const entry of await readdir(source)) {
      const from = posix.join(source, entry);
      const to = posix.join(path, entry);
      if ((await stat(from)).isDirectory()) await this.copyFolder(from, to);
      else await this.copyFile(from, to);
    }
  }

  private copyFile(source: string, path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.sftp.fastPut(source, path, (error) =>
        error ? reject(new Error(`failed to copy file ${source} to remote path ${path}: ${error.message}`)) : resolve(),
      );
    });
  }

  private async makeFolder(path: string): Promise<void> {
    const there = await this.stat(path);
    if (there?.isDirectory()) return;
    if (there !== undefined) throw new Error(`remote path ${path} exists but is not a directory`);
    await this.makeFolder(posix.dirname(path));
    try {
      await promisify((folder: string, done: (error?: Error | null) => void) => this.sftp.mkdir(folder, done))(path);
    } catch (error) {
      // Another copy may have made the same folder in the meantime.
      if (!(await this.stat(path))?.isDirectory()) {
        throw new Error(`failed to create remote directory ${path}: ${(error as Error).message}`);
      }
    }
  }

  private stat(path: string): Promise<Stats | undefined> {
    return new Promise((resolve, reject) => {
      this.sftp.stat(path, (error, found) => {
        if (!error) resolve(found);
        else if ((error as unknown as { code?: number }).code === NO_SUCH_FILE) resolve(undefined);
        else reject(new Error(`failed to stat remote path ${path}: ${error.message}`));
      });
    });
  }
}
