/** Names of machines and people, wherever they stand in a text. */

/** Accounts of distributions, clouds and programs: they name nobody, and most of them are words. */
const COMMON = new Set(
  "root tms llm ollama vllm nginx docker admin administrator user users test guest ubuntu debian centos rocky fedora alma almalinux oracle opc cloud-user ec2-user azureuser vagrant ansible deploy operator ops nobody localhost localdomain localhost.localdomain (none) linux server host gpu node".split(
    " ",
  ),
);

/** Sources and vendors of what a host runs, and what only documents have. */
const PUBLIC =
  /(?:^|\.)(?:pypi\.org|pythonhosted\.org|python\.org|huggingface\.co|hf\.co|ollama\.ai|ollama\.com|github\.com|githubusercontent\.com|nvidia\.com|debian\.org|ubuntu\.com|canonical\.com|oracle\.com|redhat\.com|centos\.org|fedoraproject\.org|docker\.com|docker\.io|nginx\.org|nginx\.com|freedesktop\.org|systemd\.io|kernel\.org|nodejs\.org|npmjs\.org|pulumi\.com|pytorch\.org|vllm\.ai|astral\.sh|gnu\.org|ietf\.org|openssl\.org|llm\.internal|example\.com|example\.org|example\.net|localdomain)$/i;

/** Endings of files and of names in programs that are countries' too. */
const NO_COUNTRY = new Set(
  "so py go cu sh js ts rs md ps cc pl mk gz xz id ma nn in is to at my re st tf ml".split(" "),
);
const DOMAINS =
  "com|net|org|info|biz|edu|gov|mil|int|io|ai|dev|app|cloud|tech|online|local|internal|intranet|intra|lan|corp|home|private|arpa|[a-z]{2}";
const DOMAIN = new RegExp(
  String.raw`(?<![\w./-])(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(${DOMAINS})(?![\w-]|\.[a-z0-9])`,
  "gi",
);
const IN_URL = /(?<=:\/\/)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\.[a-z0-9-]*[a-z][a-z0-9-]*/gi;
const MAIL =
  /[\w.+-]{1,64}@(?=(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}\b(?<!\.(?:service|socket|timer|target|slice|scope|path|mount)))/gi;
const HOME = /(?<=(?:\/home|\/Users)\/)[^\s/:"'\\]+/g;
/** As clouds call their machines by the address. */
const BY_ADDRESS = /\bip(?:-\d{1,3}){4}\b/g;

/** Whether somebody or a machine can be told by it. */
const telling = (name: string) => name.length >= 3 && !COMMON.has(name.toLowerCase()) && !PUBLIC.test(name);

const escaped = (name: string) => name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

/** A pattern that finds any of these as a whole word; undefined for none. */
function anyOf(names: readonly string[]): RegExp | undefined {
  const worth = [...new Set(names.map((name) => name.trim()))].filter(telling).sort((a, b) => b.length - a.length);
  return worth.length === 0
    ? undefined
    : new RegExp(String.raw`(?<![\w.-])(?:${worth.map(escaped).join("|")})(?![\w-])`, "gi");
}

/** Replaces the names of machines: those that are known, and every domain that is nobody's in public. */
export function replaceHosts(text: string, known: readonly string[], name: (host: string) => string): string {
  const of = (host: string) => (telling(host) ? name(host.toLowerCase()) : host);
  const domains = text
    .replace(IN_URL, (host) => (/^[\d.]+$/.test(host) ? host : of(host)))
    .replace(DOMAIN, (host: string, ending: string) => (NO_COUNTRY.has(ending.toLowerCase()) ? host : of(host)))
    .replace(BY_ADDRESS, of);
  const pattern = anyOf(known);
  return pattern ? domains.replace(pattern, of) : domains;
}

/** Replaces the names of people: of accounts that are known, of home folders, and before the @ of an address. */
export function replacePeople(text: string, known: readonly string[], name: (person: string) => string): string {
  const of = (person: string) => (telling(person) ? name(person) : person);
  const pattern = anyOf(known);
  const rest = text.replace(HOME, of).replace(MAIL, (address) => `${of(address.slice(0, -1))}@`);
  return pattern ? rest.replace(pattern, of) : rest;
}
