/** New incidents. */
import { ask, wordsOf } from "../client.ts";
import { say } from "../words/say.ts";
import { readDesk } from "./desk.ts";
import { tellKept } from "./kept.ts";
import { tell } from "./navigation.ts";

/** The id of an incident of this name that gathers these reports; null, and said, where not. */
export async function makeIncident(
  name: string,
  reports: readonly string[],
): Promise<string | null> {
  const changes = reports.map((report) => ({ what: "gathered", report }) as const);
  try {
    const { id } = await ask<{ readonly id: string }>("/api/incidents", { name, reports });
    tellKept(changes, true);
    tell(say("incidents.made", { name }));
    await readDesk();
    return id;
  } catch (error) {
    tellKept(changes, false);
    tell(wordsOf(error), "bad");
    return null;
  }
}
