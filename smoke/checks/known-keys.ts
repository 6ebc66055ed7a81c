import { inconclusive, judge, type Check } from "../check";
import { lookIntoHost } from "../host";

/**
 * Prints what the keys in nginx's file are called, never a key; when the file was written, and when each serving worker of
 * nginx can have read it at the latest, in seconds since 1970.
 */
const SCRIPT = `keys=/etc/nginx/tms-llm/keys.conf
sed -nE 's|^.*" ([a-z0-9-]+/[ab]/[0-9]+);$|key \\1|p' "$keys" || exit
echo "written $(stat -c %Y "$keys")"
for pid in $(pgrep -P "$(systemctl show --property MainPID --value nginx.service)" -f 'worker process$'); do
  echo "read $(($(date +%s) - $(ps -o etimes= -p "$pid") + 1))"
done`;

/** What is wrong with the keys that a gateway lets in, from what the host printed. */
function keyFaults(printed: string, wanted: readonly string[]): string[] {
  const words = printed.split("\n").map((line) => line.trim().split(" "));
  const of = (kind: string) => words.flatMap(([word, value]) => (word === kind && value !== undefined ? [value] : []));
  const known = of("key");
  const [written = 0] = of("written").map(Number);
  const readers = of("read").map(Number);
  return [
    ...known.filter((id) => !wanted.includes(id)).map((id) => `${id} is let in and is not in the stack file`),
    ...wanted.filter((id) => !known.includes(id)).map((id) => `${id} is not let in`),
    ...(readers.length === 0 ? ["no worker of nginx serves"] : []),
    ...(readers.some((read) => read < written) ? ["nginx has not read its keys since they were changed"] : []),
  ];
}

/**
 * A key that was revoked, or is of a past generation, is refused. Nobody keeps such a key, so none can be tried: what is
 * looked at is which keys the gateway knows, and that it has read them.
 */
export const knownKeys: Check = {
  id: "known-keys",
  title: "No other key is known",
  demand: ({ keyIds }) => `${keyIds?.join(", ") ?? "the keys of the stack file"} and no other`,
  async run({ target: { access, keyIds } }) {
    if (!access) return inconclusive("not measured: no host access");
    if (!keyIds) return inconclusive("not measured: the names of the keys are not known here");
    const { exitCode, stdout, stderr } = await lookIntoHost(access, ["bash", "-c", SCRIPT]);
    const evidence = { printed: stdout.slice(0, 2000), stderr: stderr.slice(0, 200) };
    if (exitCode !== 0) return judge(["the host shows no keys"], "", evidence);
    return judge(keyFaults(stdout, keyIds), `${keyIds.length} ${keyIds.length === 1 ? "key" : "keys"}`, evidence);
  },
};
