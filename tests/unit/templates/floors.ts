/** The oldest of everything that a listed system brings, and words that it does not know yet. */

export interface NewerWord {
  /** As it would stand in a script. */
  readonly pattern: RegExp;
  readonly tool: string;
  /** The first version that knows it. */
  readonly since: string;
  /** The oldest version that a host of the allow-list has, and whose. */
  readonly floor: string;
  /** A line that must be found. */
  readonly example: string;
}

const EL8 = "Enterprise Linux 8";
const words = (
  tool: string,
  floor: string,
  rows: readonly (readonly [pattern: RegExp, since: string, example: string])[],
) => rows.map(([pattern, since, example]): NewerWord => ({ pattern, tool, since, floor, example }));

/** By the tools' own release notes. Only what one is tempted to write; a word that bites joins the list. */
export const NEWER_WORDS: readonly NewerWord[] = [
  ...words("systemctl", `239, ${EL8}`, [
    [/\bsystemctl\b.* -P\b/, "246; --property NAME --value", "systemctl show -P MainPID nginx"],
    [/\bsystemctl\b.* (clean|freeze|thaw|bind|mount-image)\b/, "243 and later", "systemctl clean x.service"],
    [/\bis-system-running\b.* --wait\b/, "240", "systemctl is-system-running --wait"],
    [
      /\bsystemctl\b.* --(show-transaction|with-dependencies|timestamp|marked|kill-whom|when)\b/,
      "242 and later",
      "systemctl --kill-whom=main kill x",
    ],
  ]),
  ...words("systemd-run", `239, ${EL8}`, [
    [
      /\bsystemd-run\b.* --(working-directory|same-dir|slice-inherit|expand-environment|ignore-failure)\b/,
      "240 and later",
      "systemd-run --same-dir true",
    ],
  ]),
  ...words("journalctl", `239, ${EL8}`, [
    [
      /\bjournalctl\b.* (--(namespace|facility|cursor-file|invocation|list-invocations)\b|-I\b)/,
      "242 and later",
      "journalctl --invocation=0 -u x",
    ],
  ]),
  ...words("bash", `4.4, ${EL8}`, [
    [/\$\{?(EPOCHREALTIME|EPOCHSECONDS|SRANDOM|BASH_ARGV0)\b/, "5.0 and 5.1", "now=$EPOCHREALTIME"],
    [/\bwait\b.* -[a-z]*[pf]\b/, "5.0 and 5.1", "wait -n -p pid"],
    [/\$\{\w+(\[[@*]\])?@[UuLKk]\}/, "5.1 and 5.2", "echo ${name@U}"],
    [
      /\bshopt -[su].* (localvar_inherit|assoc_expand_once|patsub_replacement|globskipdots|array_expand_once)\b/,
      "5.0 and later",
      "shopt -s globskipdots",
    ],
    [/\$\{ [^}]*;\s*\}/, "5.3", "name=${ whoami; }"],
  ]),
  ...words("curl", `7.61, ${EL8}`, [
    [
      /\bcurl\b.* --(fail-with-body|retry-all-errors|json|output-dir|create-file-mode|no-progress-meter|parallel|etag-save|etag-compare|remove-on-error|url-query|no-clobber|rate|expand-\w+|skip-existing)\b/,
      "7.66 and later",
      "curl --fail-with-body x",
    ],
    [
      /\bcurl\b.*%\{(exitcode|errormsg|onerror|certs|num_retries)\}/,
      "7.75 and later",
      "curl --write-out '%{exitcode}' x",
    ],
  ]),
  ...words("coreutils", `8.30, ${EL8}`, [
    [/\bbasenc\b/, "8.31", "basenc --base32"],
    [/\bstat\b.* --cached\b/, "8.32", "stat --cached=never x"],
    [/\b(cp|mv)\b.* --(update=|debug\b|exchange\b|no-copy\b)/, "9.1 and later", "mv --exchange a b"],
    [/\bls\b.* --zero\b|\bwc\b.* --total\b|\bcksum\b.* (-a|--algorithm)\b/, "9.0 and later", "cksum -a sha256 x"],
    [
      /\benv\b.* --(default-signal|ignore-signal|block-signal|argv0)\b/,
      "8.31 and later",
      "env --ignore-signal=INT true",
    ],
  ]),
  ...words("findutils", `4.6, ${EL8}`, [
    [/\bfind\b.* -files0-from\b/, "4.9", "find -files0-from list"],
    [/\bxargs\b.* (-o\b|--open-tty\b)/, "4.7", "xargs -o vi"],
  ]),
  ...words("tar", `1.30, ${EL8}`, [[/\btar\b.* --zstd\b/, "1.31; a pipe from zstd", "tar --zstd -xf x"]]),
  ...words("grep and sed", `3.1 and 4.5, ${EL8}`, [
    [/\bgrep\b.* --no-ignore-case\b/, "3.5", "grep --no-ignore-case x"],
    [/\bsed\b.* --debug\b/, "4.6", "sed --debug p"],
  ]),
  ...words("procps and util-linux", `3.3.15 and 2.32, ${EL8}`, [
    [/\bpidwait\b|\bp(grep|kill)\b.* --(cgroup|runstates|require-handler|mrelease)\b/, "4.0", "pidwait nginx"],
    [/\bsetpriv\b.* --(pdeathsig|ptracer|landlock-\w+)\b/, "2.33 and later", "setpriv --pdeathsig TERM true"],
  ]),
  ...words("openssl", `1.1.1, ${EL8}`, [
    [
      /\bopenssl\b.* -(copy_extensions|noenc|not_after|not_before|provider|legacy)\b/,
      "3.0 and later",
      "openssl req -noenc",
    ],
    [/\bopenssl req\b.* -CA(key)?\b/, "3.0; openssl x509 -req", "openssl req -x509 -CA ca.pem"],
    [/\bopenssl (mac|kdf|list -providers|fipsinstall)\b/, "3.0", "openssl mac HMAC"],
  ]),
  ...words("nft", "0.9.3, Enterprise Linux 8.4", [
    [/\bnft\b.* (destroy\b|-o\b|--optimize\b)/, "1.0.2 and later", "nft destroy table inet x"],
  ]),
  ...words("semodule", `2.9, ${EL8}`, [
    [
      /\bsemodule\b.* (-m\b|--(checksum|refresh|rebuild-if-modules-changed)\b)/,
      "3.3 and later",
      "semodule -l --checksum",
    ],
  ]),
  ...words("dnf", "4; release 5 is no host's of the list", [
    [/\bdnf\w*\b.* (addrepo\b|--use-host-config\b)/, "5", "dnf config-manager addrepo --id=x"],
  ]),
];

/** What nginx came to know after 1.14, Enterprise Linux 8's; Ubuntu 22.04 has 1.18. From nginx.org's CHANGES. */
export const NEWER_NGINX: readonly NewerWord[] = words("nginx", `1.14, ${EL8}`, [
  [/^\s*(http2|http3|quic_\w+)\s+(on|off)\b/, "1.25; listen … http2", "http2 on;"],
  [
    /^\s*(ssl_reject_handshake|ssl_conf_command|ssl_early_data|ssl_ocsp\w*)\b/,
    "1.15.3 and later",
    "ssl_reject_handshake on;",
  ],
  [
    /^\s*(keepalive_time|keepalive_min_timeout|auth_delay|limit_req_dry_run|limit_conn_dry_run)\b/,
    "1.17.1 and later",
    "keepalive_time 1h;",
  ],
  [/^\s*limit_req\b.*\bdelay=/, "1.15.7", "limit_req zone=a burst=3 delay=2;"],
  [
    /^\s*(proxy_cookie_flags|proxy_socket_keepalive|proxy_pass_trailers|proxy_request_dynamic|random)\b/,
    "1.15.1 and later",
    "proxy_socket_keepalive on;",
  ],
  [/^\s*ssl_certificate(_key)?\s.*\$/, "1.15.9", "ssl_certificate /etc/$ssl_server_name.pem;"],
  [/^\s*server\s[^{]*\bresolve\b/, "1.27.3", "server engine.internal resolve;"],
]);

/** Directives of our units that systemd 239 knows, by its man pages. What is younger stands in plan/catalog/systemd.ts. */
export const KNOWN_TO_239: ReadonlySet<string> = new Set(
  `AccuracySec After AmbientCapabilities CapabilityBoundingSet Description DeviceAllow DevicePolicy Documentation
  EnvironmentFile ExecStart ExecStartPre Group InaccessiblePaths IPAddressAllow IPAddressDeny KillMode LimitNOFILE LockPersonality
  MemoryDenyWriteExecute MemoryMax NoNewPrivileges OnActiveSec OnUnitActiveSec PrivateDevices PrivateNetwork PrivateTmp
  PrivateUsers ProtectControlGroups ProtectHome ProtectKernelModules ProtectKernelTunables ProtectSystem ReadWritePaths
  RemoveIPC Restart RestartSec RestrictAddressFamilies RestrictNamespaces RestrictRealtime RuntimeDirectory
  RuntimeDirectoryMode StartLimitIntervalSec SystemCallArchitectures SystemCallErrorNumber SystemCallFilter
  TemporaryFileSystem TimeoutStartSec TimeoutStopSec Type UMask User WantedBy Wants WorkingDirectory`.split(/\s+/),
);

/** Values that systemd came to know after 239 for directives that it knew before. */
export const NEWER_VALUES: readonly NewerWord[] = words("systemd", `239, ${EL8}`, [
  [/^Type=(exec|notify-reload)$/, "240 and 253", "Type=exec"],
  [/^Standard(Output|Error)=(append|truncate):/, "240 and 248", "StandardOutput=append:/var/log/x"],
  [/^Exec\w+=[-@+!]*:/, "244", "ExecStart=:/bin/true"],
  [/^SystemCallErrorNumber=kill$/, "247", "SystemCallErrorNumber=kill"],
  [/^SystemCallFilter=.*@(known|sandbox|pkey)\b/, "247 and later", "SystemCallFilter=@sandbox"],
  [/^(ProtectSystem|ProtectHome)=tmpfs$/, "240", "ProtectHome=tmpfs"],
]);
