/** Every shared vector of what the web app does: the same verdict and the same output as in Python. */
import { describe, expect, test } from "vitest";
import { NOT_OF_THE_WEB_APP, OPERATIONS } from "./operations.ts";
import { faultsOf } from "./scenarios.ts";
import { filesOf, folders, read } from "./vectorFiles.ts";
import type { Scenario } from "./vectors.ts";

test("every operation of the vectors is run, or is of relays, peers and desks alone", () => {
  const known = [...Object.keys(OPERATIONS), ...NOT_OF_THE_WEB_APP, "known"].sort();
  expect(folders()).toEqual(known);
});

describe.each(Object.keys(OPERATIONS))("%s", (operation) => {
  test.each(filesOf(operation))("%s", async (file) => {
    expect(await faultsOf(read<Scenario>(operation, file))).toEqual([]);
  });
});

test("a scenario with another verdict, an output too many or another output is found out", async () => {
  const scenarios = filesOf("epoch").map((file) => read<Scenario>("epoch", file));
  const scenario = scenarios.find((one) => one.verdict === "ok") as Scenario;
  expect(await faultsOf({ ...scenario, verdict: "cut" })).not.toEqual([]);
  expect(await faultsOf({ ...scenario, output: { ...scenario.output, more: 1 } })).not.toEqual([]);
});
