import type { Engine } from "../config/schema";
import type { Finding, JudgedContainer, JudgedStep, Rule } from "./resource";

/** Engines have no lock on their door: Ollama asks for no key at all, and vLLM's key guards a part of its paths. */
export const enginePortClosed: Rule = {
  id: "engine-port-closed",
  demand: "The engine listens on loopback or a Unix socket, and no port leads to it past the gateway.",
  exception: "none",
  judge(resource) {
    switch (resource.kind) {
      case "step":
        return [...Object.values(LISTENING).flatMap((find) => find(resource)), ...firewallFindings(resource)];
      case "container":
        return containerFindings(resource);
      case "connection":
      case "key":
        return [];
      default:
        return resource satisfies never;
    }
  },
};

const BEHIND = "put nothing but nginx in front of clients: the gateway checks keys, and no engine does";

/** `127.0.0.1:11434`, `[::1]:11434`, `localhost:11434`; Ollama's own default is loopback, too. */
const LOOPBACK = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\]|localhost)(:\d+)?$/;

function ollamaFindings({ files }: JudgedStep): Finding[] {
  return Object.entries(files).flatMap(([path, { text }]) =>
    [...text.matchAll(/^\s*(?:Environment=)?"?OLLAMA_HOST=([^"\n]*)"?$/gm)].flatMap(([, address = ""]): Finding[] =>
      LOOPBACK.test(address)
        ? []
        : [
            {
              what: "Ollama would listen to the network.",
              found: `OLLAMA_HOST=${address} in ${path}`,
              needed: "an address of loopback, such as 127.0.0.1:11434",
              wayOut: BEHIND,
            },
          ],
    ),
  );
}

function vllmFindings({ files }: JudgedStep): Finding[] {
  return Object.entries(files).flatMap(([path, { text }]): Finding[] => {
    if (!/^\/opt\/llm\/vllm\/.*\/config\.yaml$/.test(path)) return [];
    const port = /^(?:host|port): .*$/m.exec(text)?.[0];
    if (port === undefined && /^uds: \//m.test(text)) return [];
    return [
      {
        what: "vLLM would listen on a port.",
        found: `${port ?? "no uds"} in ${path}`,
        needed: "uds: with the path of a Unix socket, and neither host nor port",
        wayOut: BEHIND,
      },
    ];
  });
}

/** What `templates/transformers/serve.py` is told; it knows sockets alone. */
function transformersFindings({ files }: JudgedStep): Finding[] {
  return Object.entries(files).flatMap(([path, { text }]): Finding[] => {
    if (!/^\/opt\/llm\/transformers\/.*\/settings\.json$/.test(path)) return [];
    const port = /"(?:host|port)": .*[^,\n]/.exec(text)?.[0];
    if (port === undefined && /"socket": "\//.test(text)) return [];
    return [
      {
        what: "Transformers would listen on a port.",
        found: `${port ?? "no socket"} in ${path}`,
        needed: "socket with the path of a Unix socket, and neither host nor port",
        wayOut: BEHIND,
      },
    ];
  });
}

/** What each engine's files say of where it listens. */
const LISTENING: Readonly<Record<Engine["kind"], (step: JudgedStep) => Finding[]>> = {
  ollama: ollamaFindings,
  vllm: vllmFindings,
  transformers: transformersFindings,
};

function firewallFindings({ inputs }: JudgedStep): Finding[] {
  const { engine_port: engine = "", gateway_port: gateway } = inputs;
  if (engine === "" || engine !== gateway) return [];
  return [
    {
      what: "The firewall would open the engine's port.",
      found: `port ${engine} as the gateway's`,
      needed: "a port of the gateway's own",
      wayOut: "set gateway.port or engine.port in the stack file",
    },
  ];
}

function containerFindings({ ports }: JudgedContainer): Finding[] {
  return ports.flatMap(({ internal, external, ip }): Finding[] =>
    ip !== undefined && LOOPBACK.test(ip.includes(":") ? `[${ip}]` : ip)
      ? []
      : [
          {
            what: "A sandbox's port would be open to the network; Docker goes past the firewall.",
            found: `port ${internal} published as ${ip ?? "0.0.0.0"}:${external}`,
            needed: "ports published on 127.0.0.1 or ::1",
            wayOut: "deploy to a host of target kind ssh for clients on other machines",
          },
        ],
  );
}
