import type { LocatedFault } from "./faults";
import type { KnownConfig } from "./known";

/** Folders whose content the deployment makes and takes back by itself. */
const OUR_FOLDERS = [
  "/opt/llm/",
  "/etc/tms-llm/",
  "/var/lib/tms-llm/",
  "/var/lib/tms-llm-incoming/",
  "/etc/nginx/",
  "/etc/systemd/",
];

/** What clients' applications and the rest of the stack file get wrong together. */
export function applicationFaults(config: KnownConfig): LocatedFault[] {
  const names = Object.keys(config.clients ?? {});
  return names.flatMap((name, index) => [
    ...apiTypeFaults(config, name),
    ...placeFaults(config, name, names.slice(0, index)),
  ]);
}

function apiTypeFaults({ clients, gateway }: KnownConfig, name: string): LocatedFault[] {
  if (clients?.[name]?.application?.apiType !== "ollama" || gateway?.nativeApi !== false) return [];
  return [
    {
      path: ["clients", name, "application", "apiType"],
      found: "ollama, but gateway.nativeApi is false",
      expected: "openai, or `nativeApi: true` in the gateway",
      hint: "Ollama's native paths are closed unless they are opened.",
    },
  ];
}

const pathOf = ({ clients }: KnownConfig, name: string) => clients?.[name]?.application?.onHost?.path;

function placeFaults(config: KnownConfig, name: string, earlier: readonly string[]): LocatedFault[] {
  const written = pathOf(config, name);
  if (written === undefined) return [];
  const path = ["clients", name, "application", "onHost", "path"];
  const folder = OUR_FOLDERS.find((ours) => written.startsWith(ours));
  const twin = earlier.find((other) => pathOf(config, other) === written);
  return [
    ...(folder === undefined
      ? []
      : [
          {
            path,
            found: JSON.stringify(written),
            expected: `a path outside of ${folder}, such as the application's own folder`,
          },
        ]),
    ...(twin === undefined
      ? []
      : [
          {
            path,
            found: `${JSON.stringify(written)}, already the file of ${twin}`,
            expected: "a file of its own for each client",
          },
        ]),
  ];
}
