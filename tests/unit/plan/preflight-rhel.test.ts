import { describe, expect, test } from "vitest";
import { transformersRelease } from "../../../plan/catalog/transformers";
import { vllmRelease } from "../../../plan/catalog/vllm";
import { chooseLock } from "../../../plan/engines/python-lock";
import { DEFAULT_EXISTING } from "../../../plan/existing";
import { judgePreflight, refusalText, type Requirements } from "../../../plan/preflight";
import type { PreflightReport } from "../../../plan/preflight/report";
import { hostFacts } from "../../fixtures/hosts/load";

/** A host of RHEL's family is told in words of its own. */

function judge(report: Partial<PreflightReport> = {}, needs: Partial<Requirements> = {}) {
  const ports = [{ port: 443, unit: "nginx.service" }];
  return judgePreflight(hostFacts("oracle-8", report), { memoryBytes: 0, diskBytes: {}, ports, ...needs });
}

const ids = (found: readonly { readonly id: string }[]) => found.map(({ id }) => id);
const RHEL = { id: "rhel", like: "fedora", version: "9.6", pretty: "Red Hat Enterprise Linux 9.6 (Plow)" };

test.each<[string, Partial<PreflightReport>, Partial<Requirements>]>([
  ["no ss", { ports: null }, {}],
  ["vLLM for arm64 on release 8, whose C library is too old for it", {}, { glibc: "2.34" }],
  ["vLLM on release 8, planned before the host was measured", {}, { glibc: "2.34", lowestGlibc: "2.28" }],
  ["no Docker on Oracle Linux, for which Docker has no packages of its own", {}, { docker: true }],
  [
    "Podman under Docker's name on RHEL",
    { os: RHEL, docker: { path: "/usr/bin/docker", version: "podman version 5.4.0" } },
    { docker: true },
  ],
])("is refused with a way out that is there: %s", (_title, report, needs) => {
  const { refusals } = judge(report, needs);
  expect(refusals).toHaveLength(1);
  expect(refusalText(refusals)).toMatchSnapshot();
});

test.each([
  ["Transformers on release 8", {}, transformersRelease("5.23.0")],
  ["vLLM on release 8", {}, vllmRelease("0.32.0")],
  ["vLLM on release 9", { os: RHEL, libc: "glibc 2.34" }, vllmRelease("0.32.0")],
])("is not refused for its C library, by the lock file that it takes: %s", (_title, report, release) => {
  const glibc = chooseLock(release, "cuda", hostFacts("oracle-8", report))!.minimumGlibc;
  expect(judge(report, { glibc }).refusals).toEqual([]);
});

test("systemd 239 leaves lines of our units out, and that is said", () => {
  const { refusals, warnings } = judge();
  expect(refusalText(refusals, warnings)).toMatchSnapshot();
  const newer = judge({ systemd: { running: true, version: "252-55.el9", state: "running" } });
  expect(newer.warnings).toEqual([]);
});

describe("what was there before", () => {
  const kanana = {
    name: "kanana-llm.service",
    active: "active",
    enabled: "enabled",
    path: "/etc/systemd/system/kanana-llm.service",
  };
  const sites = [
    { path: "/etc/nginx/conf.d/sqltms.info.conf", target: null, serverNames: "sqltms.info", listens: ["80"] },
  ];
  const nginx = { path: "/usr/sbin/nginx", sites };

  test.each([
    ["refuse", ["foreign-service"], []],
    ["leave", [], ["service-left"]],
    ["adopt", [], ["service-adopted"]],
  ] as const)("kanana-llm.service, existing.kanana: %s", (choice, refused, warned) => {
    const { refusals, warnings } = judge({ services: [kanana] }, { existing: { ...DEFAULT_EXISTING, kanana: choice } });
    expect(ids(refusals)).toEqual(refused);
    expect(ids(warnings).filter((id) => id !== "less-hardened")).toEqual(warned);
  });

  test.each([
    ["refuse", ["application-site-there"]],
    ["leave", []],
  ] as const)("the application's site in conf.d, existing.applicationSite: %s", (choice, refused) => {
    const found = judge({ nginx }, { existing: { ...DEFAULT_EXISTING, applicationSite: choice } });
    expect(ids(found.refusals)).toEqual(refused);
    expect(ids(found.warnings)).toContain("application-site");
  });
});
