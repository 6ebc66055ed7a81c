import { execaSync } from "execa";
import { describe, expect, test } from "vitest";
import { authorityFault } from "../../../../plan/backup/authority";

const shell = (command: string, input = "") =>
  execaSync("bash", ["-c", command], { input, stripFinalNewline: false }).stdout;
const newKey = () => shell("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256");
const certificate = (key: string, ca: "TRUE" | "FALSE") =>
  shell(`openssl req -x509 -new -key <(cat) -subj /CN=ca -addext basicConstraints=critical,CA:${ca}`, key);

describe("a CA from a backup (needs openssl)", () => {
  const [mine, other] = [newKey(), newKey()];
  const issued = certificate(mine, "TRUE");

  test.each<[string, string, string | undefined]>([
    ["a key and its CA's certificate", mine + issued, undefined],
    ["a key of another CA", other + issued, "has a key that is not its certificate's"],
    ["a certificate that may issue nothing", mine + certificate(mine, "FALSE"), "has a certificate that is no CA's"],
    ["a certificate alone", issued, "is not one private key and one certificate in PEM"],
    [
      "text that would leave a script's quotes",
      `${mine}'; id; '${issued}`,
      "is not one private key and one certificate in PEM",
    ],
  ])("%s", (_, text, fault) => {
    expect(authorityFault(text)).toBe(fault);
  });
});
