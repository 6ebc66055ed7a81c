import { plannedFile } from "./render/payload";
import { fillTemplate } from "./render/template";
import { templateText } from "./render/template-files";
import type { PlannedFile } from "./step";

/** A repository of packages that a step names on the host, and the one key that is trusted for it. */

export interface Repository {
  /** Part of its files' names on the host, e.g. `nvidia-driver`. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  readonly url: string;
  /** URL of the key. */
  readonly key: string;
  /** The key's fingerprint: 40 hexadecimal digits in upper case. */
  readonly fingerprint: string;
  /** What the key has signed; apt asks for the index alone. */
  readonly signed: "packages" | "index";
}

const PLACES = {
  apt: { keyrings: "/usr/share/keyrings/tms-llm-", lists: "/etc/apt/sources.list.d/tms-llm-", ending: ["asc", "list"] },
  dnf: { keyrings: "/etc/pki/rpm-gpg/RPM-GPG-KEY-tms-llm-", lists: "/etc/yum.repos.d/tms-llm-", ending: ["", "repo"] },
} as const;

/** The file that names the repository to apt or dnf. */
export const repositoryList = (manager: "apt" | "dnf", name: string): string =>
  `${PLACES[manager].lists}${name}.${PLACES[manager].ending[1]}`;

/** Inputs and files of a step that begins with a repository; both empty where there is none. */
export function repositoryPlan(
  manager: "apt" | "dnf",
  repository: Repository | undefined,
): { readonly inputs: Readonly<Record<string, string>>; readonly files: readonly PlannedFile[] } {
  if (!repository) return { inputs: { url: "", key: "", fingerprint: "", keyring: "", list: "" }, files: [] };
  const { name, title, url, key, fingerprint, signed } = repository;
  const { keyrings, ending } = PLACES[manager];
  const keyring = `${keyrings}${name}${ending[0] === "" ? "" : `.${ending[0]}`}`;
  const list = repositoryList(manager, name);
  const text =
    manager === "apt"
      ? fillTemplate(templateText("repositories/apt.list"), { keyring, url })
      : fillTemplate(templateText("repositories/dnf.repo"), {
          keyring,
          url,
          title,
          name: `tms-llm-${name}`,
          packages: signed === "packages" ? "1" : "0",
          index: signed === "index" ? "1" : "0",
        });
  return { inputs: { url, key, fingerprint, keyring, list }, files: [plannedFile(list, text)] };
}
