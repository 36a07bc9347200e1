/** Where the report comes from, in words: signature, earliest day, and each relay's receipt. */
import type { ReportPage } from "../api.ts";
import { say } from "../words/say.ts";
import { dayOf, exact } from "../words/times.ts";

export function Chain({ report }: { readonly report: ReportPage }) {
  const { not_before: before } = report;
  return (
    <section>
      <h3>{say("chain.title")}</h3>
      <ul class="chain">
        <li>
          {say("chain.signed")} <code>{report.author}</code>
        </li>
        {before !== null && (
          <li>
            {say(before.document === null ? "chain.notBeforeUnknown" : "chain.notBefore", {
              day: dayOf(before.day),
              document: before.document ?? before.hash.slice(0, 8),
            })}
          </li>
        )}
        {report.custody.map(({ parcel_id, relay, relay_name, day }) => (
          <li key={`${parcel_id} ${relay}`}>
            {say("chain.relay", { day: dayOf(day) })} <bdi>{relay_name ?? relay.slice(0, 16)}</bdi>
          </li>
        ))}
        {report.custody.length === 0 && <li>{say("chain.noReceipt")}</li>}
        <li>{say("chain.arrived", { when: exact(report.arrived_s) })}</li>
        <li>
          {say("chain.id")} <code>{report.id}</code>
        </li>
      </ul>
    </section>
  );
}
