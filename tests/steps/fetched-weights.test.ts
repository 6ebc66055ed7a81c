import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cudaStubsArtifact, uvArtifact } from "../../plan/engines/python-environment";
import { TRANSFORMERS_VERSIONS } from "../../plan/catalog/transformers";
import { loaderText } from "../../plan/render/loader";
import { phasePayload, renderPayload, type SecretValues } from "../../plan/render/payload";
import type { Step } from "../../plan/step";
import { BareHost, DOCKER_MISSING } from "../harness/bare-host";
import { anchor, checkHost, prepareMaterial, removeAll, runPhase } from "../harness/deployment";
import { COMMIT, HUB, HubStandIn, installClient } from "../harness/hub";
import { folderChecksum } from "../harness/engine-host";
import { engineStack, stackSteps } from "../harness/python-engine";
import type { Said } from "../harness/container-host";
import { ONE_ATTEMPT } from "../harness/one-attempt";

const FOLDERS = "/opt/llm/models/huggingface";
const folderOf = (repository: string) => `${FOLDERS}/${repository.replace("/", "--")}-${COMMIT.slice(0, 12)}`;
const NO_SHA256 = "0".repeat(64);

/** The engine itself is not installed here: what is run of the model's step is the part that brings the weights. */
const WEIGHTS_ALONE = "step() { ensure_weights; }\n";

describe.skipIf(DOCKER_MISSING)(
  "weights that the host fetches with the real huggingface_hub, from a stand-in of the Hub on the host itself (needs Docker)",
  () => {
    let host: BareHost;
    let hub: HubStandIn;

    /** A step of the plan for a repository; `model` changes single keys. */
    function planned(name: string, repository: string, model: Record<string, unknown> = {}): Step {
      const nothing = { path: "", sha256: NO_SHA256, origin: "official" as const };
      const version = TRANSFORMERS_VERSIONS[0]!;
      const artifacts = {
        [uvArtifact("transformers")]: nothing,
        [cudaStubsArtifact("transformers", version)]: nothing,
      };
      const config = engineStack("transformers", {}, { source: `hf.co/${repository}@${COMMIT}`, ...model });
      const steps = stackSteps({ image: "", artifacts }, { ...config, mirrors: { huggingFace: HUB } });
      return steps.find((step) => step.name === name)!;
    }
    const modelStep = (repository: string, model: Record<string, unknown> = {}) =>
      planned("transformers-model", repository, model);

    async function submit(
      steps: readonly Step[],
      secrets: SecretValues = {},
      environment: Readonly<Record<string, string>> = {},
    ): Promise<Said> {
      const payload = phasePayload("model", steps, { limitSeconds: 300, environment });
      const alone = steps.map((_, index) => `steps/${String(index).padStart(2, "0")}-transformers-model/script.sh`);
      const files = { ...payload.files, ...Object.fromEntries(alone.map((path) => [path, WEIGHTS_ALONE])) };
      return host.ask(loaderText("model", payload.digest, host.name), renderPayload({ ...payload, files }, secrets));
    }

    const fetching = (repository: string, model: Record<string, unknown> = {}, token?: string) =>
      submit([modelStep(repository, model)], token === undefined ? {} : { "huggingface/token": token });

    /** How many things were changed. @throws what the host said, where it failed */
    async function fetched(repository: string, model: Record<string, unknown> = {}, token?: string): Promise<number> {
      const { exitCode, stdout, stderr } = await fetching(repository, model, token);
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
      return Number(/"changed":(\d+)/.exec(stdout)![1]);
    }

    const there = async (path: string) => (await host.ask(`[ -e ${path} ]`)).exitCode === 0;
    const filesOf = async (repository: string) =>
      (await host.shell(`cd ${folderOf(repository)} && find . -type f -printf '%P\\n' | sort`)).split("\n");
    const checksumOf = (repository: string) => folderChecksum(host, folderOf(repository));

    beforeAll(async () => {
      const { image } = await prepareMaterial();
      host = await BareHost.start(image);
      await anchor(host);
      await runPhase(host, "base", [planned("account", "tiny/model")]);
      await installClient(host, modelStep("some/model").inputs["release"]!);
      hub = await HubStandIn.start(host);
      await hub.publish("tiny/model", {
        "README.md": "# Tiny\n",
        "chat_template.jinja": "{{ messages }}",
        "modeling_tiny.py": "raise SystemExit\n",
        "pytorch_model.bin": "pickled",
        "onnx/config.json": "{}",
        "consolidated.safetensors": "the same once more",
      });
    });
    afterAll(() => host.remove());

    test("a server whose certificate the host does not trust gets no request, and the way out is told", async () => {
      const { exitCode, stderr } = await fetching("tiny/model");
      expect(exitCode).not.toBe(0);
      expect(stderr).toContain("the certificate of https://hf.internal:8443 is not trusted");
      expect(await hub.requests()).toEqual([]);
      await hub.trust();
    });

    test("a proxy of the stack file is the way that is taken", async () => {
      const nowhere = { https_proxy: "http://127.0.0.1:9", no_proxy: "127.0.0.1" };
      const { stderr } = await submit([modelStep("tiny/model")], {}, nowhere);
      expect(stderr).toContain("no way to https://hf.internal:8443");
      expect(await hub.requests()).toEqual([]);
    });

    test("safetensors and what belongs to them are fetched, nothing else; what is left out is told", async () => {
      expect(await fetched("tiny/model")).toBeGreaterThan(0);
      expect(await filesOf("tiny/model")).toEqual([
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
      ]);
      const said = await host.journal();
      expect(said).toContain("not taken, since it is code or can hold it: modeling_tiny.py, pytorch_model.bin");
      expect(said).toContain("not needed: README.md, consolidated.safetensors, onnx/config.json");
      expect(await host.shell(`stat -c '%U:%G %a' ${FOLDERS} ${folderOf("tiny/model")}`)).toBe(
        "tms:tms 750\ntms:tms 750",
      );
    });

    test("from then on nobody is asked, neither by a second run nor by the search for drift", ONE_ATTEMPT, async () => {
      await hub.down();
      expect(await fetched("tiny/model")).toBe(0);
      expect(await checkHost(host)).toEqual([]);
      await hub.up();
    });

    test("a file that somebody has changed since is drift, and with a checksum the way out is told", async () => {
      const sha256 = await checksumOf("tiny/model");
      expect(await fetched("tiny/model", { sha256 })).toBe(1);
      await host.shell(`echo >>${folderOf("tiny/model")}/config.json`);
      expect((await checkHost(host)).map(({ what }) => what)).toEqual([`weights in ${folderOf("tiny/model")}`]);
      const { stderr } = await fetching("tiny/model", { sha256 });
      expect(stderr).toContain("are not those of the stack file");
      expect(stderr).toContain("way out: delete that folder on the host, so that the next up fetches it anew");
      await host.shell(`rm -r ${folderOf("tiny/model")}`);
      await fetched("tiny/model", { sha256 });
      expect(await checkHost(host)).toEqual([]);
    });

    test("a model that leaves the plan leaves the host, when the next one is there", async () => {
      await hub.publish("tiny/other");
      await fetched("tiny/other");
      expect(await host.shell(`ls ${FOLDERS}`)).toBe(`tiny--other-${COMMIT.slice(0, 12)}`);
    });

    test("other weights than those of the checksum are refused with theirs, and not fetched twice for it", async () => {
      await hub.publish("tiny/checked");
      const { exitCode, stderr } = await fetching("tiny/checked", { sha256: NO_SHA256 });
      expect(exitCode).not.toBe(0);
      const [, found] = new RegExp(`expected ${NO_SHA256}, found ([0-9a-f]{64})`).exec(stderr)!;
      expect(await there(folderOf("tiny/checked"))).toBe(false);
      await hub.requests();
      await fetched("tiny/checked", { sha256: found });
      expect((await hub.requests()).filter((line) => line.includes("GET") && !line.includes("/tree/"))).toEqual([]);
      expect(await checksumOf("tiny/checked")).toBe(found);
      expect(await checkHost(host)).toEqual([]);
    });

    test("a killed run is taken up where it was, file by file, and its token was nowhere to be seen", async () => {
      await hub.publish("tiny/killed");
      await hub.behave("gated", "stuck");
      const running = fetching("tiny/killed", {}, "hf_granted");
      const next = `${folderOf("tiny/killed")}.next`;
      const whole = ["config", "generation_config", "tokenizer", "tokenizer_config"].map(
        (name) => `[ -e ${name}.json ]`,
      );
      await host.shell(
        `until cd ${next} 2>/dev/null && ${whole.join(" && ")} && find .cache -name '*.incomplete' | grep -q .; do sleep 0.1; done`,
      );
      expect(
        await host.shell("grep -l '[h]f_granted' /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null; true"),
      ).toBe("");
      expect(
        (await host.ask("runuser -u tms -- grep -rsq hf_granted /var/lib/tms-llm /opt/llm /etc/tms-llm")).exitCode,
      ).not.toBe(0);
      await host.shell("systemctl kill --kill-who=all --signal=KILL tms-llm-phase.service");
      expect((await running).exitCode).not.toBe(0);
      expect(await there(folderOf("tiny/killed"))).toBe(false);

      await hub.behave("gated");
      await hub.requests();
      await fetched("tiny/killed", {}, "hf_granted");
      const asked = await hub.requests();
      expect(asked.filter((line) => line.includes("GET") && !line.includes("/tree/"))).toEqual([
        "store GET /tiny/killed/model.safetensors without a token",
      ]);
      expect(await filesOf("tiny/killed")).toHaveLength(5);
      expect(await there(next)).toBe(false);
      await hub.behave();
    });

    test.each([
      ["without a token", undefined],
      ["with the token of somebody who has not accepted them", "hf_other"],
    ])("a gated repository, asked %s: its terms and the token are told", async (_, token) => {
      await hub.publish("tiny/gated");
      await hub.behave("gated");
      const { exitCode, stderr } = await fetching("tiny/gated", {}, token);
      expect(exitCode).not.toBe(0);
      expect(stderr).toMatch(/tiny\/gated is given only to those who have accepted its terms\n {2}why: .*restricted/);
      expect(stderr).toContain("accept them on https://huggingface.co/tiny/gated");
      expect(stderr).toContain("pulumi config set --secret tms-llm:huggingFaceToken");
      await hub.behave();
    });

    test("a file that was changed on the way is found out, and alone fetched anew", async () => {
      await hub.publish("tiny/altered");
      await hub.behave("altered");
      const { stderr } = await fetching("tiny/altered");
      expect(stderr).toMatch(
        /files of tiny\/altered are not what they have to be\n {2}why: model\.safetensors: \w+…, not \w+…/,
      );
      await hub.behave();
      await hub.requests();
      await fetched("tiny/altered");
      expect((await hub.requests()).filter((line) => line.startsWith("store"))).toEqual([
        "store GET /tiny/altered/model.safetensors without a token",
      ]);
    });

    test.each<[fault: string, source: string, message: RegExp]>([
      [
        "a repository that is not there",
        `hf.co/tiny/nothing@${COMMIT}`,
        /there is no repository tiny\/nothing, or it is private/,
      ],
      [
        "a commit that is not there",
        `hf.co/tiny/model@${"f".repeat(40)}`,
        /tiny\/model has no commit f{40}[^]*git ls-remote/,
      ],
    ])("%s is told with the way out", async (_, source, message) => {
      expect((await fetching("tiny/model", { source })).stderr).toMatch(message);
    });

    test("a repository without safetensors is refused before anything is fetched", async () => {
      await hub.publish("tiny/pickled", { "pytorch_model.bin": "pickled" }, /safetensors$/);
      await hub.requests();
      const { stderr } = await fetching("tiny/pickled");
      expect(stderr).toMatch(/tiny\/pickled has no weights that are taken\n {2}why: .*pytorch_model\.bin/);
      expect((await hub.requests()).filter((line) => !line.includes("/tree/"))).toEqual([]);
    });

    test("a server that is down: other ways are told", async () => {
      await hub.down();
      expect((await fetching("tiny/model")).stderr).toMatch(/no way to https:\/\/hf\.internal:8443[^]*network\.proxy/);
      await hub.up();
    });

    test("what does not fit on the disk is refused before anything is fetched", async () => {
      await host.shell(`rm -rf ${FOLDERS}/* && mount -t tmpfs -o size=400k tmpfs ${FOLDERS}`);
      const { stderr } = await fetching("tiny/model");
      expect(stderr).toMatch(
        /tiny\/model does not fit on the disk\n {2}why: 0\.\d MB are to be fetched, and 0\.\d MB are free/,
      );
      await host.shell(`umount ${FOLDERS}`);
    });

    test("with download: false nobody is asked; a folder that somebody has brought is used, and stays his", async () => {
      await fetched("tiny/model");
      await host.shell(`cp -a ${folderOf("tiny/model")} /srv/brought`);
      const sha256 = await checksumOf("tiny/model");
      const offline = { download: false, sha256 };
      // What the host has fetched before is used as well, and stays its own.
      await fetched("tiny/model", offline);
      await fetched("tiny/other");
      expect(await host.shell(`ls ${FOLDERS}`)).toBe(`tiny--other-${COMMIT.slice(0, 12)}`);
      await hub.requests();
      const { stderr } = await fetching("tiny/model", offline);
      expect(stderr).toContain(`${folderOf("tiny/model")} is no folder on the host`);
      expect(stderr).toContain("the model's download is set to false");
      await host.shell(`cp -a /srv/brought ${folderOf("tiny/model")}`);
      await fetched("tiny/model", offline);
      expect(await checkHost(host)).toEqual([]);
      expect(await hub.requests()).toEqual([]);
      await submit([]);
      expect(await host.shell(`ls ${FOLDERS}`)).toBe(`tiny--model-${COMMIT.slice(0, 12)}`);
    });

    test("a removal leaves models that are whole, and nothing of those that are not", async () => {
      await hub.publish("tiny/half");
      expect((await fetching("tiny/half", { sha256: NO_SHA256 })).exitCode).not.toBe(0);
      expect(await there(`${folderOf("tiny/half")}.next`)).toBe(true);
      await removeAll(host);
      expect(await host.shell(`ls ${FOLDERS}`)).toBe(`tiny--model-${COMMIT.slice(0, 12)}`);
    });
  },
);
