/** Whether a shared vector comes out here as it does in Python. Runs in Node and in a browser. */
import { judge, STREAMS } from "./operations.ts";
import { Given, type Json, plain, type Scenario } from "./vectors.ts";

/** What is otherwise than the scenario says; none where all is right. */
export async function faultsOf(scenario: Scenario): Promise<string[]> {
  const { operation } = scenario;
  const { verdict, out } = await judge(operation, new Given(scenario.input));
  if (verdict !== scenario.verdict) {
    return [`${verdict} instead of ${scenario.verdict}: ${scenario.comment}`];
  }
  const faults: string[] = [];
  const isRefused = verdict !== "ok" && !STREAMS.includes(operation);
  if (isRefused && Object.keys({ ...out, ...scenario.output }).length > 0) {
    faults.push("there is an output though it was refused");
  }
  for (const [name, expected] of Object.entries(scenario.output)) {
    // What is null is too long to be shown; that it was read without an error is what counts.
    if (expected !== null && !isSame(out[name], plain(expected))) {
      faults.push(`${name} is ${JSON.stringify(out[name])}, not ${JSON.stringify(expected)}`);
    }
  }
  return faults;
}

function isSame(one: Json | undefined, other: Json): boolean {
  return one !== undefined && JSON.stringify(one) === JSON.stringify(other);
}
