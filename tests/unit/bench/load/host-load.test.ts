import { expect, test } from "vitest";
import { hostLoad } from "../../../../bench/load/host-load";

const line = (at: number, text: string) => ({ at, text });

test("what was busy is what the counters grew by, second by second", () => {
  const found = hostLoad([line(0, "cpu 1000 9000"), line(1, "cpu 1050 9150"), line(2, "cpu 1250 9150")]);
  expect(found).toMatchObject({ readings: 3, processors: { mean: 0.625, highest: 1 } });
});

test("each GPU has readings of its own", () => {
  const { gpus } = hostLoad([line(0, "gpu 0 10 1024"), line(0, "gpu 1 90 2048"), line(1, "gpu 0 30 1024")]);
  expect(gpus).toEqual([
    { index: 0, busy: { mean: 0.2, highest: 0.3 }, memory: { mean: 2 ** 30, highest: 2 ** 30 } },
    { index: 1, busy: { mean: 0.9, highest: 0.9 }, memory: { mean: 2 ** 31, highest: 2 ** 31 } },
  ]);
});

test("a host that tells nothing was busy with nothing known, rather than with nought", () => {
  expect(hostLoad([])).toEqual({ readings: 0, processors: null, memory: null, gpus: [] });
});
