import { faultyMirrors } from "./faulty-mirrors";

/**
 * Stack files with one fault each: title and the keys that differ from a valid stack, as they stand below `config:`
 * without their prefix. The messages are in `__snapshots__/`; read them as an operator would when they change.
 */

const SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
const SSH = `target: { kind: ssh, host: 203.0.113.10, hostKey: ${SSH_KEY} }`;
const MODEL = "name: m, source: 'ollama:qwen3:8b'";
const FOLDER = `name: m, source: "folder:/srv/models/m", sha256: ${"a".repeat(64)}`;
const COMMIT = "0123456789".repeat(4);
/** A repository at one commit, which the catalogue does not know. */
const PINNED = `name: m, source: 'hf.co/some/model@${COMMIT}', sha256: ${"a".repeat(64)}`;
const VLLM = "engine: { kind: vllm }";
const TRANSFORMERS = "engine: { kind: transformers }";
const OWN = `${SSH}\naccess: { allow: [10.0.0.0/8] }`;
/** A valid stack for a host of one's own, to which a row adds its fault. */
const OWN_HOST = `${SSH}\nmodels: [{ ${MODEL} }]\naccess: { allow: [10.0.0.0/8] }`;
/** The same with a fixed address. */
const fixed = (address: string, nameservers = "[192.168.0.1]", name = "ens3") =>
  `${OWN_HOST}\nnetwork: { address: { interface: ${name}, ${address}, nameservers: ${nameservers} } }`;

export const validStacks: Readonly<Record<string, string>> = {
  "a sandbox with every default": "",
  "a host of one's own": OWN_HOST,
  "two keys of the same generation": "clients: { tms: { a: 1, b: 1 } }",
  "vLLM on a sandbox": "engine: { kind: vllm, variant: cpu }",
  "vLLM on a host of one's own": `${OWN}\nmodels: [{ ${FOLDER} }]\n${VLLM}`,
  "vLLM with weights of a commit, on auto": `${OWN}\nmodels: [{ name: m, source: 'hf.co/kakaocorp/kanana-1.5-8b-instruct-2505@${COMMIT}', context: auto }]\n${VLLM}`,
  "Transformers with weights of a commit, in the catalogue's words": `${OWN}\nmodels: [{ ${PINNED}, catalog: 'qwen3-8b:bf16' }]\n${TRANSFORMERS}`,
  "weights of a commit that somebody brings": `${OWN}\nmodels: [{ ${PINNED}, download: false }]\n${VLLM}`,
  "Transformers on a sandbox": "engine: { kind: transformers, variant: cpu }",
  "Transformers on a host of one's own": `${OWN}\nmodels: [{ ${FOLDER} }]\n${TRANSFORMERS}`,
  "a last day of a client, and of one key":
    "clients: { tms: { a: 1, b: { generation: 2, expires: '2027-01-31' }, expires: '2026-12-31' } }",
  "a last day as Pulumi writes it back": "clients: { tms: { a: 1, expires: 2026-12-31 00:00:00 +0000 UTC } }",
  "an application of Ollama's native API, on the host":
    "gateway: { nativeApi: true }\nclients: { tms: { a: 1, application: { apiType: ollama, onHost: { path: /srv/tms/.env, owner: 'app:app' } } } }",
  "GPUs, flash attention and a smaller cache": `${OWN_HOST}\nengine: { kind: ollama, gpus: [1], flashAttention: true, kvCacheType: q4_0 }`,
  "models by role":
    "models: [{ name: m, source: 'ollama:a', role: general }, { name: n, source: 'ollama:b', role: embedding }]",
  "a limit that a fraction of a unit gives": "engine: { kind: ollama, memoryMax: 1.5 GiB }",
  "plain HTTP on a sandbox": "gateway: { tls: { mode: 'off' } }",
  "a public endpoint with consent": `${SSH}\nmodels: [{ ${MODEL} }]\naccess: { allow: [0.0.0.0/0, '::/0'], acceptPublic: true }`,
  "a firewall that is somebody else's": `${SSH}\nmodels: [{ ${MODEL} }]\naccess: { firewall: 'off' }`,
  "everything left on auto": `${OWN_HOST.replace(MODEL, `${MODEL}, context: auto`)}\nengine: { kind: ollama, parallel: auto }`,
  "mirrors for everything":
    "mirrors: { ollama: 'folder:/srv/ollama', ollamaLibrary: 'registry.internal:5000', huggingFace: hf.internal, plugins: https://mirror.internal/plugins, pypi: https://mirror.internal/pypi/simple, python: 'file:///srv/python' }",
  "a proxy, and names that the host is told":
    "network: { proxy: 'http://proxy.internal:3128', noProxy: [.internal, 10.0.0.0/8], hosts: { mirror.internal: 10.20.0.5, v6.internal: 'fd00::5' } }",
  "a fixed address": fixed("addresses: [192.168.0.100/24, 'fd00::100/64'], gateway4: 192.168.0.1, gateway6: 'fe80::1'"),
  "a fixed address in a network without a router": fixed("addresses: [192.168.0.100/31]"),
  "a host behind a bastion": OWN_HOST.replace(
    " }\n",
    `, bastion: { host: bastion.example.com, user: jump, hostKey: ${SSH_KEY} } }\n`,
  ),
  "sshd on another port than the one that is forwarded to it": OWN_HOST.replace(
    "host:",
    "port: 443, sshdPort: 22, host:",
  ),
  "a driver with every consent": `${OWN_HOST}\ngpu: { driver: install, modules: proprietary, reboot: true }\nmirrors: { nvidiaDriver: { url: 'file:///srv/cuda' } }`,
  "a restricted licence with consent": "models: [{ name: m, source: 'ollama:gemma2:9b', acceptLicence: gemma }]",
  "numbers, texts and flags as Modelfile parameters": `models: [{ ${MODEL}, parameters: { temperature: 0.3, stop: '</s>', use_mmap: false } }]`,
};

export const faultyStacks: readonly (readonly [title: string, yaml: string])[] = [
  // Names
  ["a misspelt section", "gatway: { port: 443 }"],
  ["a misspelt key", "gateway: { prot: 443 }"],
  ["a key in another spelling", "gateway: { server_name: llm.internal }"],
  ["a key that belongs elsewhere", "context: 8k"],
  ["a key that nothing is like", "colour: blue"],
  ["a key of another target", `target: { kind: sandbox, hostKey: ${SSH_KEY} }`],
  ["a key of another TLS mode", "gateway: { tls: { mode: own-ca, certificate: chain.pem } }"],
  ["a misspelt key in a model", `models: [{ ${MODEL}, contxt: 8k }]`],

  // The way out, and in
  ["a proxy with a password", "network: { proxy: 'http://me:secret@proxy.internal:3128' }"],
  ["a proxy without a port", "network: { proxy: 'http://proxy.internal' }"],
  ["a proxy without a scheme", "network: { proxy: 'proxy.internal:3128' }"],
  ["a name without an address", "network: { hosts: { mirror.internal: mirror } }"],
  ["a name that is an address", "network: { hosts: { 10.0.0.5: mirror.internal } }"],
  ["a port of sshd that is none", OWN_HOST.replace("host:", "sshdPort: 0, host:")],
  ["sshd behind a forwarded port, on the gateway's", OWN_HOST.replace("host:", "port: 2222, sshdPort: 443, host:")],
  ["a bastion without its host key", OWN_HOST.replace(" }\n", ", bastion: { host: bastion.example.com } }\n")],

  // A fixed address
  ["a fixed address without its prefix", fixed("addresses: [192.168.0.100]")],
  ["a fixed IPv6 address without its prefix", fixed("addresses: ['fd00::100']")],
  ["a fixed address that is none", fixed("addresses: [192.168.0.300/24]")],
  ["a fixed address with a prefix that no network has", fixed("addresses: [192.168.0.100/33]")],
  ["a fixed address that names its network", fixed("addresses: [192.168.0.0/24]")],
  ["a fixed address that is broadcast", fixed("addresses: [192.168.0.255/24]")],
  ["a fixed address on loopback", fixed("addresses: [127.0.0.2/8]")],
  ["a fixed address that is link-local", fixed("addresses: ['fe80::5/64']")],
  ["no fixed address", fixed("addresses: []")],
  ["a fixed address twice", fixed("addresses: ['fd00::100/64', 'FD00:0::100/64']")],
  ["a gateway outside of the network", fixed("addresses: [192.168.0.100/24], gateway4: 192.168.1.1")],
  ["a gateway that is the host", fixed("addresses: [192.168.0.100/24], gateway4: 192.168.0.100")],
  ["a gateway of the other family", fixed("addresses: [192.168.0.100/24], gateway4: 'fd00::1'")],
  ["a gateway without an address of its family", fixed("addresses: [192.168.0.100/24], gateway6: 'fd00::1'")],
  ["a fixed address on loopback's interface", fixed("addresses: [192.168.0.100/24]", "[]", "lo")],
  ["an interface that no kernel would name so", fixed("addresses: [192.168.0.100/24]", "[]", "'eth0; reboot'")],
  ["a name server that is a name", fixed("addresses: [192.168.0.100/24]", "[dns.internal]")],
  [
    "a fixed address without name servers",
    `${OWN_HOST}\nnetwork: { address: { interface: ens3, addresses: [192.168.0.100/24] } }`,
  ],
  [
    "a fixed address of a sandbox",
    "network: { address: { interface: eth0, addresses: [192.168.0.100/24], nameservers: [] } }",
  ],

  // Kinds and shapes
  ["a misspelt target", "target: { kind: sandbx }"],
  ["an unknown target", "target: { kind: kubernetes }"],
  ["a target without its kind", "target: { memory: 4 GiB }"],
  ["a target that is a text", "target: sandbox"],
  ["no target", "target: ~"],
  ["an engine without its kind", "engine: { parallel: 2 }"],
  ["an engine that does not exist", "engine: { kind: triton }"],
  ["TLS without its mode", "gateway: { tls: {} }"],
  ["a misspelt TLS mode", "gateway: { tls: { mode: ownca } }"],
  ["a TLS mode of other tools", "gateway: { tls: { mode: letsencrypt } }"],
  ["a TLS mode that is a boolean", "gateway: { tls: { mode: false } }"],
  ["an empty section", "gateway:"],
  ["a section that is a list", "gateway: [443]"],
  ["models that are a mapping", "models: { name: m }"],
  ["no models", "models: []"],
  ["a model that is a text", "models: [kanana]"],
  ["clients that are a list", "clients: [tms]"],
  ["a boolean in words", "gateway: { nativeApi: 'yes' }"],
  ["a misspelt firewall", "access: { firewall: ufv }"],

  // Numbers and units
  ["a port that is too high", "gateway: { port: 70000 }"],
  ["a port that is zero", "gateway: { port: 0 }"],
  ["a port with a fraction", "gateway: { port: 44.3 }"],
  ["a port in quotes", "gateway: { port: '443' }"],
  ["an engine port that needs privileges", "engine: { kind: ollama, port: 80 }"],
  ["no parallel request", "engine: { kind: ollama, parallel: 0 }"],
  ["a size without a unit", "target: { kind: sandbox, memory: 4096 }"],
  ["a size with half a unit", "target: { kind: sandbox, memory: 4G }"],
  ["a size in lower case", "gateway: { maxBodySize: 4mib }"],
  ["a size that is too small", "target: { kind: sandbox, memory: 64 MiB }"],
  ["a size that is a word", "gateway: { maxBodySize: large }"],
  ["a negative size", "gateway: { maxBodySize: -1 MiB }"],
  ["a size that is a boolean", "gateway: { maxBodySize: true }"],
  ["a duration without a unit", "gateway: { readTimeout: 600 }"],
  ["a duration with a long unit", "engine: { kind: ollama, keepAlive: 10 minutes }"],
  ["a duration without end", "engine: { kind: ollama, keepAlive: forever }"],
  ["a duration that is too short", "gateway: { readTimeout: 10ms }"],
  ["a duration that is too long", "objectives: { total: 2d }"],
  ["tokens in another unit", `models: [{ ${MODEL}, context: 8 KiB }]`],
  ["part of a token", `models: [{ ${MODEL}, context: 4096.5 }]`],
  ["too few tokens", `models: [{ ${MODEL}, context: 16 }]`],
  ["a rate that lets nothing through", "gateway: { rateLimit: { requestsPerMinute: 0 } }"],
  ["a burst below zero", "gateway: { rateLimit: { burst: -1 } }"],

  // Hosts, names, networks
  [
    "a host with its user",
    `target: { kind: ssh, host: root@203.0.113.10, hostKey: ${SSH_KEY} }\naccess: { allow: [10.0.0.0/8] }\nmodels: [{ ${MODEL} }]`,
  ],
  [
    "a host without its key",
    `target: { kind: ssh, host: 203.0.113.10 }\naccess: { allow: [10.0.0.0/8] }\nmodels: [{ ${MODEL} }]`,
  ],
  [
    "a host key that lost its end",
    `target: { kind: ssh, host: 203.0.113.10, hostKey: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYH }\naccess: { allow: [10.0.0.0/8] }\nmodels: [{ ${MODEL} }]`,
  ],
  [
    "a host key of another type than it says",
    `target: { kind: ssh, host: 203.0.113.10, hostKey: ssh-rsa ${SSH_KEY.split(" ")[1]!} }\naccess: { allow: [10.0.0.0/8] }\nmodels: [{ ${MODEL} }]`,
  ],
  [
    "a private key where its path belongs",
    OWN_HOST.replace(
      "kind: ssh,",
      'kind: ssh, privateKeyFile: "-----BEGIN OPENSSH PRIVATE KEY-----\\nb3BlbnNzaC1rZXk",',
    ),
  ],
  ["a server name that is an address", "gateway: { serverName: 10.0.0.1 }"],
  ["a server name in capitals", "gateway: { serverName: LLM.internal }"],
  ["a server name with an underscore", "gateway: { serverName: llm_1.internal }"],
  ["a network that is none", "access: { allow: [10.0.0.0/40] }"],
  ["an address that lacks a part", "access: { allow: [10.0.1] }"],
  ["a network with host bits", "access: { allow: [10.0.0.5/24] }"],
  ["an IPv6 network with host bits", "access: { allow: ['fd00::1/64'] }"],
  ["a range", "access: { allow: [10.0.0.1-10.0.0.9] }"],
  ["an application elsewhere", "gateway: { applicationRoute: { upstream: 10.0.0.1:3000 } }"],
  ["a client name in capitals", "clients: { TMS: { a: 1 } }"],
  ["a client name with a space", "clients: { 'my app': { a: 1 } }"],
  ["a generation of zero", "clients: { tms: { a: 0 } }"],
  ["a last day that no calendar has", "clients: { tms: { a: 1, expires: '2026-02-30' } }"],
  ["a slot with a last day in words", "clients: { tms: { a: { generation: 1, expires: tomorrow } } }"],
  ["a third key slot", "clients: { tms: { a: 1, c: 1 } }"],

  // Models
  ["a model without a source", "models: [{ name: m }]"],
  ["a source without its kind", "models: [{ name: m, source: 'qwen3:8b' }]"],
  ["a source that is an address", "models: [{ name: m, source: 'https://huggingface.co/kakaocorp/kanana-1.5-8b' }]"],
  ["a file without its prefix", "models: [{ name: m, source: weights/m.gguf }]"],
  ["a model name with a space", "models: [{ name: my model, source: builtin:tiny }]"],
  ["a checksum that is too short", "models: [{ name: m, source: 'file:m.gguf', sha256: abc123 }]"],
  ["a checksum of zeros without quotes", `models: [{ name: m, source: 'file:m.gguf', sha256: ${"0".repeat(64)} }]`],
  ["a file without its checksum", "models: [{ name: m, source: 'file:weights/m.gguf' }]"],
  ["a checksum of the built-in model", `models: [{ name: m, source: 'builtin:tiny', sha256: ${"ab".repeat(32)} }]`],
  ["an adapter without its checksum", `models: [{ ${MODEL}, adapter: 'file:lora.gguf' }]`],
  ["a checksum without its adapter", `models: [{ ${MODEL}, adapterSha256: ${"ab".repeat(32)} }]`],
  ["a misspelt Modelfile parameter", `models: [{ ${MODEL}, parameters: { temprature: 0.3 } }]`],
  ["a Modelfile parameter that the plan pins", `models: [{ ${MODEL}, parameters: { num_ctx: 8192 } }]`],
  ["a Modelfile parameter of the wrong type", `models: [{ ${MODEL}, parameters: { temperature: hot } }]`],
  ["a Modelfile parameter over two lines", `models: [{ ${MODEL}, parameters: { stop: "a\\nFROM b" } }]`],
  ["a system prompt that a Modelfile can't hold", `models: [{ ${MODEL}, system: 'say """' }]`],
  ["two models of one name", `models: [{ ${MODEL} }, { ${MODEL} }]`],
  [
    "two models that are one to Ollama",
    "models: [{ name: m, source: 'ollama:a' }, { name: 'M:latest', source: 'ollama:b' }]",
  ],
  [
    "two models of one role",
    "models: [{ name: m, source: 'ollama:a', role: code }, { name: n, source: 'ollama:b', role: code }]",
  ],
  ["a role that nobody knows", `models: [{ ${MODEL}, role: router }]`],
  ["no model but one for embeddings", `models: [{ ${MODEL}, role: embedding }]`],
  ["the tiny model on a host of one's own", OWN_HOST.replace("ollama:qwen3:8b", "builtin:tiny")],
  [
    "more context than any host holds",
    `models: [{ name: m, source: 'ollama:llama3.1:8b', acceptLicence: llama, context: 128k }]\nengine: { kind: ollama, parallel: 64 }`,
  ],
  [
    "a model above the engine's memory",
    `models: [{ ${MODEL}, memory: 3 GiB }]\nengine: { kind: ollama, memoryMax: 2 GiB }`,
  ],
  ["a model above the sandbox's memory", `models: [{ ${MODEL}, memory: 5.5 GiB }]`],
  ["an engine above the sandbox's memory", "engine: { kind: ollama, memoryMax: 8 GiB }"],

  // What operators set by variables before
  ["GPUs on a sandbox", "engine: { kind: ollama, gpus: [0] }"],
  ["a GPU twice", `${OWN_HOST}\nengine: { kind: ollama, gpus: [0, 1, 0] }`],
  ["no GPU at all", `${OWN_HOST}\nengine: { kind: ollama, gpus: [] }`],
  ["GPUs as the variable has them", `${OWN_HOST}\nengine: { kind: ollama, gpus: '0,1' }`],
  [
    "a model shared by more GPUs than there are to use",
    `${OWN}\nmodels: [{ ${FOLDER} }]\nengine: { kind: vllm, gpus: [0, 1], tensorParallel: 4 }`,
  ],
  ["a quantized cache without flash attention", "engine: { kind: ollama, kvCacheType: q8_0 }"],
  [
    "a quantized cache with flash attention switched off",
    "engine: { kind: ollama, kvCacheType: q4_0, flashAttention: false }",
  ],
  ["a cache of the other engine", "engine: { kind: vllm, variant: cpu, kvCacheType: q8_0 }"],
  ["a cache for GPUs on a CPU", "engine: { kind: vllm, variant: cpu, kvCacheType: fp8 }"],
  ["an allocator for GPUs on a CPU", "engine: { kind: vllm, variant: cpu, allocator: { expandableSegments: true } }"],
  [
    "blocks too small to split",
    `${OWN}\nmodels: [{ ${FOLDER} }]\nengine: { kind: vllm, allocator: { maxSplitSize: 16 MiB } }`,
  ],

  // Engine versions
  ["a version with a known hole", "engine: { kind: ollama, version: 0.16.2 }"],
  ["a version that the catalogue lacks", "engine: { kind: ollama, version: 0.99.0 }"],
  ["a version that is a number", "engine: { kind: ollama, version: 0.17 }"],
  ["a version that is a tag", "engine: { kind: ollama, version: v0.17.4 }"],
  ["a version that moves", "engine: { kind: ollama, version: latest }"],

  // The catalogue of models
  ["a restricted licence without consent", "models: [{ name: m, source: 'ollama:gemma2:9b' }]"],
  ["a restricted licence behind a name without a tag", "models: [{ name: m, source: 'ollama:llama3.1' }]"],
  [
    "a licence that bars commercial use, behind its latest tag",
    "models: [{ name: m, source: 'ollama:exaone3.5:latest' }]",
  ],
  ["a name with two tags", "models: [{ name: 'qwen3:8b:fast', source: 'ollama:qwen3:8b' }]"],
  ["a name with a dot in its user", "models: [{ name: sqltms.info/kanana, source: 'ollama:qwen3:8b' }]"],
  ["a name that Ollama shows without its beginning", "models: [{ name: library/qwen3, source: 'ollama:qwen3:8b' }]"],
  ["a model that is unloaded after each answer", "engine: { kind: ollama, keepAlive: 0s }"],
  [
    "a licence that bars commercial use",
    "models: [{ name: m, source: 'ollama:exaone3.5:7.8b', acceptLicence: exaone }]",
  ],
  ["consent that nothing asks for", `models: [{ ${MODEL}, acceptLicence: apache-2.0 }]`],
  ["consent for an unknown source", "models: [{ name: m, source: 'ollama:somebody/else:7b', acceptLicence: llama }]"],
  ["safetensors for Ollama", "models: [{ name: m, source: hf.co/kakaocorp/kanana-1.5-8b-instruct-2505 }]"],
  ["PyTorch files", "models: [{ name: m, source: 'hf.co/nlpai-lab/kullm-polyglot-12.8b-v2:Q4_K_M', context: 2k }]"],
  [
    "a catalogue name that is misspelt",
    `models: [{ name: m, source: 'file:k.gguf', sha256: ${"a".repeat(64)}, catalog: 'kanana-1-5-8b:Q4_K_M' }]`,
  ],
  [
    "a quantization that is not known",
    `models: [{ name: m, source: 'file:k.gguf', sha256: ${"a".repeat(64)}, catalog: 'kanana-1.5-8b:Q3' }]`,
  ],
  ["a catalogue name for what has one", `models: [{ ${MODEL}, catalog: 'qwen3-8b:Q4_K_M' }]`],
  [
    "a context that the model cannot be served with",
    "models: [{ name: m, source: 'hf.co/Mungert/kanana-1.5-8b-instruct-2505-GGUF:Q4_K_M', context: 64k }]",
  ],
  [
    "a context beyond a model without YaRN",
    "models: [{ name: m, source: 'ollama:llama2:7b', acceptLicence: llama, context: 8k }]",
  ],
  ["auto for vLLM without a GPU", "engine: { kind: vllm, variant: cpu, parallel: auto }"],
  [
    "GGUF in a folder",
    `${SSH}\nengine: { kind: vllm }\nmodels: [{ name: m, source: 'folder:/srv/m', sha256: ${"a".repeat(64)}, catalog: 'kanana-1.5-8b:Q4_K_M' }]\naccess: { allow: [10.0.0.0/8] }`,
  ],
  [
    "a folder with foreign code",
    `${SSH}\nengine: { kind: vllm }\nmodels: [{ name: m, source: 'folder:/srv/m', sha256: ${"a".repeat(64)}, catalog: 'exaone-3.5-7.8b:bf16', acceptLicence: exaone-nc }]\naccess: { allow: [10.0.0.0/8] }`,
  ],
  ["auto in other letters", `models: [{ ${MODEL}, context: automatic }]`],
  ["requests without a number", "engine: { kind: ollama, parallel: many }"],

  // Mirrors
  ...faultyMirrors,

  // Doors
  ["the gateway on SSH's port", "gateway: { port: 22 }"],
  ["the gateway on a moved SSH's port", OWN_HOST.replace("kind: ssh,", "kind: ssh, port: 443,")],
  ["the gateway on the engine's port", "gateway: { port: 11434 }"],
  [
    "the application on the gateway's port",
    "gateway: { port: 8443, applicationRoute: { upstream: '127.0.0.1:8443' } }",
  ],
  ["plain HTTP without consent", `${OWN_HOST}\ngateway: { tls: { mode: 'off' } }`],
  ["plain HTTP with a wrong consent", `${OWN_HOST}\ngateway: { tls: { mode: 'off', accept: yes } }`],
  ["a certificate without its key", "gateway: { tls: { mode: files, certificate: chain.pem } }"],
  [
    "a certificate and its key in one file",
    "gateway: { tls: { mode: files, certificate: all.pem, privateKey: all.pem } }",
  ],
  ["a firewall that lets nobody in", `${SSH}\nmodels: [{ ${MODEL} }]`],
  ["an allowlist without a firewall", "access: { firewall: 'off', allow: [10.0.0.0/8] }"],
  ["the whole of IPv4", "access: { allow: [0.0.0.0/0] }"],
  ["the whole of IPv6", "access: { allow: ['::/0'] }"],
  ["half of IPv4", "access: { allow: [128.0.0.0/1] }"],
  ["a network twice", "access: { allow: ['fd00::/8', 'fd00:0::/8'] }"],
  ["no client", "clients: {}"],
  ["a client without a key", "clients: { tms: {} }"],
  ["a client name that the log needs", "clients: { unknown: { a: 1 } }"],
  ["the native API for a client, but closed", "clients: { tms: { a: 1, application: { apiType: ollama } } }"],
  [
    "an env file among our own",
    "clients: { tms: { a: 1, application: { onHost: { path: /opt/llm/app.env, owner: 'a:a' } } } }",
  ],
  [
    "one env file for two clients",
    "clients: { tms: { a: 1, application: &app { onHost: { path: /srv/.env, owner: 'a:a' } } }, rag: { a: 1, application: *app } }",
  ],
  [
    "an env file with a relative path",
    "clients: { tms: { a: 1, application: { onHost: { path: .env, owner: 'app:app' } } } }",
  ],
  [
    "an env file without a group",
    "clients: { tms: { a: 1, application: { onHost: { path: /srv/.env, owner: app } } } }",
  ],
  ["a first token after the last", "objectives: { ttft: 10s, total: 5s }"],

  // vLLM
  ["a version of vLLM with a known hole", "engine: { kind: vllm, variant: cpu, version: 0.21.0 }"],
  ["a key of the other engine", "engine: { kind: vllm, variant: cpu, keepAlive: 1h }"],
  ["vLLM for GPUs on a sandbox", VLLM],
  ["a container toolkit on a sandbox", "gpu: { containerToolkit: install }"],
  ["an image that is none", `${OWN_HOST}\ngpu: { containerImage: "ubuntu; reboot" }`],
  ["a driver on a sandbox", "gpu: { driver: install }"],
  ["a reboot for a driver that is not ours", `${OWN_HOST}\ngpu: { reboot: true }`],
  ["a branch of the driver whose packages are not known", `${OWN_HOST}\ngpu: { driver: install, branch: 470 }`],
  [
    "a mirror of NVIDIA's packages with half a fingerprint",
    `${OWN_HOST}\nmirrors: { nvidiaDriver: { url: https://mirror.internal/cuda, key: 3BF863CC } }`,
  ],
  ["models on a sandbox's GPU", "engine: { kind: ollama, device: gpu }"],
  ["vLLM for CPUs on a host of one's own", `${OWN}\nmodels: [{ ${FOLDER} }]\nengine: { kind: vllm, variant: cpu }`],
  ["two models for vLLM", `${OWN}\nmodels: [{ ${FOLDER} }, { ${FOLDER.replace("name: m", "name: n")} }]\n${VLLM}`],
  ["a model of Ollama's library for vLLM", `${OWN}\nmodels: [{ ${MODEL} }]\n${VLLM}`],
  ["a Modelfile parameter for vLLM", `${OWN}\nmodels: [{ ${FOLDER}, parameters: { temperature: 0.3 } }]\n${VLLM}`],
  ["a system prompt for vLLM", `${OWN}\nmodels: [{ ${FOLDER}, system: Be brief. }]\n${VLLM}`],
  ["a context on auto for vLLM", `${OWN}\nmodels: [{ ${FOLDER}, context: auto }]\n${VLLM}`],
  ["a repository without its commit for vLLM", `${OWN}\nmodels: [{ name: m, source: hf.co/some/model }]\n${VLLM}`],
  ["a branch in the place of a commit", `${OWN}\nmodels: [{ name: m, source: hf.co/some/model@main }]\n${VLLM}`],
  ["half a commit", `${OWN}\nmodels: [{ name: m, source: 'hf.co/some/model@${COMMIT.slice(0, 12)}' }]\n${VLLM}`],
  [
    "the page of a commit",
    `${OWN}\nmodels: [{ name: m, source: 'https://huggingface.co/some/model/tree/${COMMIT}' }]\n${VLLM}`,
  ],
  ["a commit for Ollama", `${OWN}\nmodels: [{ ${PINNED} }]`],
  [
    "a commit of a repository of GGUF files for vLLM",
    `${OWN}\nmodels: [{ name: m, source: 'hf.co/Mungert/kanana-1.5-8b-instruct-2505-GGUF@${COMMIT}' }]\n${VLLM}`,
  ],
  [
    "a commit of PyTorch files",
    `${OWN}\nmodels: [{ name: m, source: 'hf.co/nlpai-lab/kullm-polyglot-12.8b-v2@${COMMIT}', context: 2k }]\n${VLLM}`,
  ],
  [
    "a commit with foreign code",
    `${OWN}\nmodels: [{ name: m, source: 'hf.co/LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct@${COMMIT}', acceptLicence: exaone-nc }]\n${VLLM}`,
  ],
  ["a commit that nothing is known of, on auto", `${OWN}\nmodels: [{ ${PINNED}, context: auto }]\n${VLLM}`],
  ["a folder that is not to be fetched", `${OWN}\nmodels: [{ ${FOLDER}, download: false }]\n${VLLM}`],
  ["a folder without its checksum", `${OWN}\nmodels: [{ name: m, source: 'folder:/srv/m' }]\n${VLLM}`],
  ["a folder for Ollama", `${OWN}\nmodels: [{ ${FOLDER} }]`],
  ["the native API with vLLM", "engine: { kind: vllm, variant: cpu }\ngateway: { nativeApi: true }"],
  [
    "a sandbox that is too small for vLLM",
    "target: { kind: sandbox, memory: 2 GiB }\nengine: { kind: vllm, variant: cpu }",
  ],
  [
    "a sandbox that is too small for vLLM with its KV cache",
    "engine: { kind: vllm, variant: cpu, kvCacheMemory: 3 GiB }",
  ],
  ["a folder of wheels on a sandbox", "engine: { kind: vllm, variant: cpu, packages: 'folder:/srv/wheels' }"],

  // Transformers
  [
    "a version of Transformers that the catalogue does not have",
    "engine: { kind: transformers, variant: cpu, version: 5.19.0 }",
  ],
  ["parallel requests for Transformers", "engine: { kind: transformers, variant: cpu, parallel: 4 }"],
  ["Transformers for GPUs on a sandbox", TRANSFORMERS],
  [
    "two models for Transformers",
    `${OWN}\nmodels: [{ ${FOLDER} }, { ${FOLDER.replace("name: m", "name: n")} }]\n${TRANSFORMERS}`,
  ],
  ["a context on auto for Transformers", `${OWN}\nmodels: [{ ${FOLDER}, context: auto }]\n${TRANSFORMERS}`],
  ["a system prompt for Transformers", `${OWN}\nmodels: [{ ${FOLDER}, system: Be brief. }]\n${TRANSFORMERS}`],
  [
    "a sandbox that is too small for Transformers",
    "target: { kind: sandbox, memory: 1 GiB }\nengine: { kind: transformers, variant: cpu }",
  ],
];
