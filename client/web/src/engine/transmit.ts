/** To one relay, by the first of its addresses that works from this page; past dead ones. */
import { ProtocolError } from "../protocol/errors.ts";
import type { Refusal } from "./engine.ts";
import { refusalOf } from "./refusals.ts";
import type { Target } from "./relays.ts";
import type { Report, Run } from "./run.ts";
import { SocketLink, socketUrl } from "./socketLink.ts";
import { Talk } from "./talk.ts";

/** Talks with one relay about its desks' parcels. Never throws for what the relay does. */
export async function transmit(run: Run, target: Target, report: Report): Promise<void> {
  await run.relays.note(target);
  // Where no address can be gone to from this page.
  let refusal: Refusal = "failed";
  for (const address of target.entry.addresses) {
    const url = socketUrl(address, run.page);
    if (url === null) continue;
    report.address = address;
    report.state = "dialling";
    run.moved();
    try {
      const link = await SocketLink.open(url, run.signal);
      const talk = new Talk(run, target, report, link);
      try {
        await talk.run();
      } finally {
        link.close();
        report.stampsWanted += talk.stampsWanted;
      }
      report.state = "done";
      report.refusal = talk.refusal;
      run.moved();
      return;
    } catch (error) {
      refusal = refusalOfRelay(error);
      if (report.isReached || refusal === "no_room" || refusal === "cancelled") break;
    }
  }
  report.state = "failed";
  report.refusal = refusal;
  run.moved();
}

function refusalOfRelay(error: unknown): Refusal {
  if (error instanceof ProtocolError) {
    if (error.verdict === "cut") return "no_network";
    return error.verdict === "busy" ? "failed" : "relay_nonsense";
  }
  return refusalOf(error).code;
}
