/** The desk itself: its card, its relays and how they are reached, alarms, what was set aside. */
import type { Alarm, Aside, PullState } from "../api.ts";
import { ask, link, wordsOf } from "../client.ts";
import { counts, desk, pull } from "../state/desk.ts";
import { useFetched } from "../state/fetched.ts";
import { tell } from "../state/navigation.ts";
import { say } from "../words/say.ts";
import { dayOf, exact, moment } from "../words/times.ts";
import { CardForReporters } from "./CardForReporters.tsx";

export function DeskPage() {
  return (
    <div class="page-body alone">
      <h1>{say("place.desk")}</h1>
      <Card />
      <Relays />
      <Unlooked />
      <Alarms />
      <SetAside />
    </div>
  );
}

function Card() {
  const shown = desk.value;
  if (shown === null) return <p class="hint">{say("loading")}</p>;
  const { serial, valid_until_day, weeks_left } = shown.card;
  const publish = async () => {
    try {
      await ask("/api/card", {});
      tell(say("card.queued"));
    } catch (error) {
      tell(wordsOf(error), "bad");
    }
  };
  return (
    <section>
      <h2>{say("card.title")}</h2>
      <dl class="facts">
        <dt>{say("card.name")}</dt>
        <dd>
          <bdi>{shown.name}</bdi>
        </dd>
        <dt>{say("card.fingerprint")}</dt>
        <dd>
          <code class="fingerprint">{shown.fingerprint}</code>
          <p class="hint">{say("card.check")}</p>
        </dd>
        <dt>{say("card.serial")}</dt>
        <dd>{serial}</dd>
        <dt>{say("card.until")}</dt>
        <dd>
          {dayOf(valid_until_day)}{" "}
          <span class={weeks_left < 3 ? "mark bad" : "mark plain"}>
            {say("card.weeks", { count: weeks_left })}
          </span>
        </dd>
        {shown.editor !== null && (
          <>
            <dt>{say("card.editor")}</dt>
            <dd>
              <code>{shown.editor}</code>
              <p class="hint">{say("card.editorHint")}</p>
            </dd>
          </>
        )}
      </dl>
      <CardForReporters />
      <p class="hint">{say("card.hint")}</p>
      <button type="button" class="quiet" onClick={() => void publish()}>
        {say("card.publish")}
      </button>
    </section>
  );
}

/** How many pictures are still to be compared with the others. */
function Unlooked() {
  const left = counts.value.unlooked;
  if (left === null || left === 0) return null;
  return (
    <p class="hint" role="status">
      {say("looks.left", { count: left })}
    </p>
  );
}

function Relays() {
  const state = pull.value;
  return (
    <section>
      <h2>{say("relays.title")}</h2>
      {state !== null && <p>{link.value === "gone" ? say("pull.unknown") : state.words}</p>}
      {desk.value?.relays.length === 0 ? <p class="hint">{say("relays.none")}</p> : <RelayTable />}
    </section>
  );
}

function RelayTable() {
  const state = pull.value;
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{say("relays.name")}</th>
          <th scope="col">{say("relays.country")}</th>
          <th scope="col">{say("relays.address")}</th>
          <th scope="col">{say("relays.state")}</th>
        </tr>
      </thead>
      <tbody>
        {desk.value?.relays.map(({ name, url, country }) => {
          const known = state?.relays.find((each) => each.name === name);
          return (
            <tr key={name}>
              <td>
                <bdi>{name}</bdi>
              </td>
              <td>{country}</td>
              <td>
                <code>{url}</code>
              </td>
              <td>
                {known === undefined ? (
                  say("relays.notAsked")
                ) : (
                  <>
                    <Reached known={known} />
                    {known.last_s !== null && (
                      <time class="hint" title={exact(known.last_s)}>
                        {" "}
                        {moment(known.last_s)}
                      </time>
                    )}
                  </>
                )}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Reached({ known }: { readonly known: PullState["relays"][number] }) {
  if (link.value === "gone") return <span class="mark">{say("relays.unknown")}</span>;
  return (
    <span class={known.reached ? "mark good" : "mark bad"}>
      {known.reached ? say("relays.reached") : known.words}
    </span>
  );
}

function Alarms() {
  const { found } = useFetched<{ readonly alarms: readonly Alarm[] }>("/api/alarms");
  return (
    <section>
      <h2>{say("alarms.title")}</h2>
      {found !== null && (
        <p class="hint">{say(found.alarms.length === 0 ? "alarms.none" : "alarms.hint")}</p>
      )}
      <ul>
        {found?.alarms.map(({ words, at_s }, at) => (
          <li key={at} class="strip bad">
            {at_s != null && <time title={exact(at_s)}>{moment(at_s)}</time>} <bdi>{words}</bdi>
          </li>
        ))}
      </ul>
    </section>
  );
}

function SetAside() {
  const { found } = useFetched<{ readonly set_aside: readonly Aside[] }>("/api/set-aside");
  return (
    <section>
      <h2>{say("aside.title")}</h2>
      <p class="hint">{say("aside.hint")}</p>
      {found?.set_aside.length === 0 && <p>{say("aside.none")}</p>}
      {found !== null && found.set_aside.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">{say("aside.when")}</th>
              <th scope="col">{say("aside.parcel")}</th>
              <th scope="col">{say("aside.why")}</th>
            </tr>
          </thead>
          <tbody>
            {found.set_aside.map(({ parcel_id, verdict, detail, arrived_s }) => (
              <tr key={parcel_id}>
                <td>
                  <time title={exact(arrived_s)}>{moment(arrived_s)}</time>
                </td>
                <td>
                  <code>{parcel_id.slice(0, 16)}</code>
                </td>
                <td>
                  <bdi>{verdict}</bdi> <span class="hint">{detail}</span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
