import Docker from "dockerode";

let host: string | undefined;
let connected: Docker | undefined;

/** Takes the provider's `host`; without it DOCKER_HOST counts, then the usual socket. */
export function useHost(address: string | undefined): void {
  host = address;
  connected = undefined;
}

/** The daemon's client; made on first use, so that a preview needs no daemon. */
export function daemon(): Docker {
  if (host !== undefined && host !== "") process.env["DOCKER_HOST"] = host;
  connected ??= new Docker();
  return connected;
}

interface DaemonError extends Error {
  readonly statusCode?: number;
  readonly code?: string;
  readonly json?: { readonly message?: string } | null;
}

function isNotFound(error: unknown): boolean {
  return (error as DaemonError).statusCode === 404;
}

/** An error of the daemon or of the way to it, in words that say what was tried and what to do. */
export function explained(doing: string, error: unknown): Error {
  const { statusCode, code, json, message } = error as DaemonError;
  const address = process.env["DOCKER_HOST"] ?? "the default socket";
  if (code === "ENOENT" || code === "ECONNREFUSED") {
    return new Error(
      `${doing}: no Docker daemon answers at ${address}. Start it (systemctl start docker), or set DOCKER_HOST.`,
    );
  }
  if (code === "EACCES") {
    return new Error(
      `${doing}: this user may not talk to the Docker daemon at ${address}. ` +
        "Add it to the docker group and log in again, or run as root.",
    );
  }
  if (statusCode !== undefined) return new Error(`${doing}: the Docker daemon refused: ${json?.message ?? message}`);
  return new Error(`${doing}: ${message}`);
}

/** Runs a call to the daemon and explains its failure. */
export async function ask<T>(doing: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw explained(doing, error);
  }
}

/** As `ask`, with undefined for what the daemon does not know (any more). */
export async function askFor<T>(doing: string, call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw explained(doing, error);
  }
}
