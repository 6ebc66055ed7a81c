import { asRoot } from "../plan/render/loader";
import { runOverSsh, SshError, type SshAddress } from "./ssh";

const FOLLOW = asRoot("journalctl --follow --lines 0 --output cat --identifier tms-llm");
const RETRY_MILLISECONDS = 1000;

/**
 * Passes on what the phases write to the host's journal, until stopped. A host that isn't there yet is waited for: the
 * sandbox is made in the same run. Progress is a courtesy, so a lost line ends it silently.
 */
export function followHost(address: SshAddress, onLine: (line: string) => void): { stop: () => void } {
  const controller = new AbortController();
  const { signal } = controller;
  void (async () => {
    while (!signal.aborted) {
      try {
        await runOverSsh(address, FOLLOW, { onLine, signal });
      } catch (error) {
        if (!(error instanceof SshError)) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS).unref());
    }
  })();
  return { stop: () => controller.abort() };
}
