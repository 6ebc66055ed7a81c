import { createReadStream } from "node:fs";
import { createZstdDecompress } from "node:zlib";
import { execa } from "execa";
import { ollamaArtifact } from "../../plan/engines/ollama";
import { architecture } from "../../toolchain/places";
import type { BareHost } from "./bare-host";
import { stackConfig, type Material } from "./deployment";

/** LLM servers as they stand on hosts that were set up by hand. */

/** A model that it has "downloaded": the tiny one under this name. */
export const FORMER_MODEL = "hf.co/Mungert/kanana-1.5-8b-instruct-2505-GGUF:Q4_K_M";

/** What its install script writes. */
const UNIT = `[Unit]
Description=Ollama Service
After=network-online.target

[Service]
ExecStart=/usr/local/bin/ollama serve
User=ollama
Group=ollama
Restart=always
RestartSec=3
Environment="PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

[Install]
WantedBy=default.target
`;

/**
 * An Ollama as its install script leaves it: binary in /usr/local, user and store in /usr/share/ollama, `ollama.service`.
 * @param homeMode of the user's home: what useradd makes differs from one distribution to the next
 */
export async function formerOllama(host: BareHost, { artifacts }: Material, homeMode: string): Promise<void> {
  const archive = artifacts[ollamaArtifact(stackConfig().engine.version, architecture()!)]!;
  await execa("docker", ["exec", "--interactive", host.name, "tar", "-x", "-C", "/usr/local", "--no-same-owner"], {
    input: createReadStream(archive.path).pipe(createZstdDecompress()),
  });
  await host.copy(artifacts["tiny-model"]!.path, "/root/tiny.gguf");
  await host.shell("cat >/etc/systemd/system/ollama.service", UNIT);
  await host.shell(`set -e
    useradd --system --shell /bin/false --user-group --create-home --home-dir /usr/share/ollama ollama
    chmod ${homeMode} /usr/share/ollama
    systemctl daemon-reload
    systemctl enable --quiet --now ollama
    until curl --fail --silent http://127.0.0.1:11434/api/version; do sleep 0.1; done
    echo "FROM /root/tiny.gguf" >/root/Modelfile
    ollama create former -f /root/Modelfile
    ollama cp former ${FORMER_MODEL}
    ollama rm former
    rm /root/tiny.gguf /root/Modelfile`);
}

const HAND_MADE_UNIT = `[Unit]
Description=Kanana 1.5 8B LLM Server (vLLM)
After=network.target

[Service]
Type=simple
User=tms
Group=tms
WorkingDirectory=/opt/llm
ExecStart=/bin/sleep infinity
Restart=always
RestartSec=10
StandardOutput=append:/opt/llm/logs/vllm.log
StandardError=append:/opt/llm/logs/vllm-error.log

[Install]
WantedBy=multi-user.target
`;

const APPLICATION_SITE = `server {
  listen 80;
  server_name sqltms.info;
  location / { return 200 "the application"; }
  location /api/llm/ { proxy_pass http://127.0.0.1:3000; proxy_buffering off; }
}
`;

/** kanana-llm.service under a user tms, with weights and a health check in /opt/llm, and the application's nginx site. */
export async function handMade(host: BareHost): Promise<void> {
  await host.shell("cat >/etc/systemd/system/kanana-llm.service", HAND_MADE_UNIT);
  await host.shell(`set -e
    DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends nginx-light >/run/nginx.log 2>&1
    useradd --system --shell /bin/false --home-dir /opt/llm tms
    mkdir -p /opt/llm/models/kanana-1.5-8b /opt/llm/logs /opt/llm/cache
    echo weights >/opt/llm/models/kanana-1.5-8b/weights
    echo 'echo vLLM: OK' >/opt/llm/health-check.sh
    chown -R tms:tms /opt/llm
    systemctl daemon-reload
    systemctl enable --quiet --now kanana-llm`);
  await host.shell("cat >/etc/nginx/conf.d/sqltms.info.conf; systemctl reload nginx", APPLICATION_SITE);
}

/** Every file of its store, with owner, mode and content. */
export const formerStore = (host: BareHost) =>
  host.shell(
    "cd /usr/share/ollama/.ollama/models && find . -type f -printf '%p %u:%g %m\\n' -exec sha256sum {} + | sort",
  );
