import { join } from "node:path";
import { runContender, runIdle } from "./command";
import { peerVersion, type Peer } from "../python-environment";
import type { Contender } from "./contender";
import { pinHost } from "./host";
import { exportWork } from "./peer-work";
import type { HostAccess, HostWork } from "./work";

const lockFile = (folder: string) => join(__dirname, folder, "requirements.txt");
export const PYINFRA: Peer = { name: "pyinfra", lockFile: lockFile("pyinfra") };
export const ANSIBLE: Peer = { name: "ansible-core", lockFile: lockFile("ansible") };

type Plan = (access: HostAccess) => HostWork;

/** pyinfra with its own SSH client. @param bin the executables of its environment */
export function pyinfra(bin: string, plan: Plan): Contender {
  const name = peerVersion(PYINFRA);
  return {
    name,
    prepare({ access }, folder) {
      const run = {
        file: join(bin, "python"),
        args: ["-m", "pyinfra", "-y", join(__dirname, "pyinfra/inventory.py"), join(__dirname, "pyinfra/deploy.py")],
        cwd: folder,
        env: {
          BENCH_HOST: access.host,
          BENCH_KEY: access.privateKeyFile,
          BENCH_KNOWN_HOSTS: pinHost(folder, access),
          BENCH_WORK: exportWork(plan(access), folder),
        },
      };
      return Promise.resolve({
        fresh: async () => {
          await runContender(name, run);
        },
        "no-op": () => runIdle(name, run, /./),
      });
    },
  };
}

/** Ansible over OpenSSH with pipelining and a kept connection. @param bin the executables of its environment */
export function ansible(bin: string, plan: Plan): Contender {
  const name = peerVersion(ANSIBLE);
  return {
    name,
    prepare({ access }, folder) {
      const knownHosts = pinHost(folder, access);
      const run = {
        file: join(bin, "python"),
        args: [
          "-m",
          "ansible.cli.playbook",
          "--inventory",
          `${access.host},`,
          "--user=root",
          `--private-key=${access.privateKeyFile}`,
          join(__dirname, "ansible/site.yml"),
        ],
        cwd: folder,
        env: {
          ANSIBLE_CONFIG: join(__dirname, "ansible/ansible.cfg"),
          ANSIBLE_LOCAL_TEMP: join(folder, "local"),
          ANSIBLE_SSH_CONTROL_PATH_DIR: join(folder, "cp"),
          ANSIBLE_SSH_ARGS: `-F none -o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile=${knownHosts} -o IdentitiesOnly=yes`,
          BENCH_WORK: exportWork(plan(access), folder),
          LC_ALL: "C.UTF-8",
        },
      };
      return Promise.resolve({
        fresh: async () => {
          await runContender(name, run);
        },
        "no-op": () => runIdle(name, run, /changed=0 /),
      });
    },
  };
}
