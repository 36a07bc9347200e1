/** One report in the list: who, where, when, what, and how far the desk has come with it. */
import { number } from "../../../src/languages/messages.ts";
import type { Basis, Row } from "../api.ts";
import { Star, Tick } from "../shell/icons.tsx";
import { stateName } from "../shell/views.ts";
import { hasDraft } from "../state/answering.ts";
import { total } from "../state/list.ts";
import { type Key, say } from "../words/say.ts";
import { between, exact, moment } from "../words/times.ts";
import { Thumb } from "./Thumb.tsx";

const bases: Readonly<Record<Basis, Key>> = {
  seen: "basis.seen",
  heard: "basis.heard",
  "not said": "basis.notSaid",
};

export function basisWords(basis: Basis): string {
  return say(bases[basis]);
}

interface RowProps {
  readonly row: Row;
  readonly isCurrent: boolean;
  readonly isChosen: boolean;
  /** From 1. */
  readonly place: number;
}

export function RowView({ row, isCurrent, isChosen, place }: RowProps) {
  const { decided } = row;
  const kinds = [
    "row",
    isCurrent ? "current" : "",
    isChosen ? "chosen" : "",
    decided.read ? "" : "unread",
    row.state === "withdrawn" ? "withdrawn" : "",
  ];
  return (
    <div
      id={`row-${row.id}`}
      data-id={row.id}
      class={kinds.join(" ")}
      role="option"
      aria-selected={isChosen}
      aria-posinset={place}
      aria-setsize={total.value}
      tabIndex={-1}
    >
      <Thumb id={row.id} thumb={row.thumb} files={row.files} />
      <div class="row-words">
        <p class="row-head">
          {row.urgent && <span class="mark bad">{say("row.urgent")}</span>}
          <bdi class="row-place">{row.where || say("row.nowhere")}</bdi>
          <time title={exact(row.arrived_s)}>{moment(row.arrived_s)}</time>
        </p>
        {!decided.read && <span class="unseen">{say("row.unread")}</span>}
        <p class="row-line" dir="auto" lang={row.language}>
          {row.line || say("row.noWords")}
        </p>
        <p class="row-foot">
          {row.group != null && row.group.more > 0 ? (
            <>
              <span class="row-marks">
                <Alias of={row} />
              </span>
              <span class="mark group" data-does="group">
                {say("row.group", { count: row.group.more })}
              </span>
            </>
          ) : (
            <>
              <Marks row={row} />
              <Holds row={row} />
            </>
          )}
        </p>
      </div>
      <span class="row-tools">
        <span class="row-star" data-does="star" title={say("key.star")}>
          <Star isOn={decided.starred} />
          {decided.starred && <span class="unseen">{say("row.starred")}</span>}
        </span>
        <span class="row-choose" data-does="choose" title={say("key.choose")}>
          <Tick isOn={isChosen} />
        </span>
      </span>
    </div>
  );
}

function Alias({ of }: { readonly of: Row }) {
  return of.alias === null ? null : <bdi class="row-alias">{of.alias}</bdi>;
}

/** What matters most first: one that there is no room for is left out whole, and all behind it. */
function Marks({ row }: { readonly row: Row }) {
  const { decided } = row;
  if (row.damaged === true) return <span class="mark bad">{say("row.damaged")}</span>;
  return (
    <span class="row-marks">
      {hasDraft(row.id) && <span class="mark warn">{say("row.draft")}</span>}
      {decided.state !== "new" && (
        <span class={`mark state ${decided.state}`}>{say(stateName(decided.state))}</span>
      )}
      {(row.state === "corrected" || row.state === "withdrawn") && (
        <span class="mark warn">
          {say(row.state === "corrected" ? "row.corrected" : "row.withdrawn")}
        </span>
      )}
      <Alias of={row} />
      {row.basis !== "not said" && (
        <span class={row.basis === "seen" ? "mark good" : "mark"}>{basisWords(row.basis)}</span>
      )}
      {row.language !== "" && <span class="mark plain">{row.language}</span>}
      {row.written_s !== null && (
        <span class="mark plain" title={say("row.written", { when: exact(row.written_s) })}>
          {delayWords(row.written_s, row.arrived_s)}
        </span>
      )}
      {decided.tags.map((tag) => (
        <bdi key={tag} class="mark tag">
          #{tag}
        </bdi>
      ))}
    </span>
  );
}

/** What a report brought along: never cut off. */
function Holds({ row }: { readonly row: Row }) {
  if (row.files === 0 && row.figures === 0) return null;
  return (
    <span class="row-holds">
      {row.files > 0 && (
        <span
          class={row.files_here < row.files ? "mark plain part" : "mark plain"}
          title={say("row.filesHint", { here: row.files_here, count: row.files })}
        >
          {row.files_here < row.files
            ? say("row.filesPart", { here: row.files_here, count: row.files })
            : say("row.files", { count: row.files })}
        </span>
      )}
      {row.figures > 0 && (
        <span class="mark plain">{say("row.figures", { count: row.figures })}</span>
      )}
    </span>
  );
}

/** When it was written, beside when it arrived. */
function delayWords(written_s: number, arrived_s: number): string {
  const { unit, count } = between(written_s, arrived_s);
  if (count < 0) return say("row.ahead", { count: number(-count), unit: say(`unit.${unit}`) });
  return say("row.delay", { count: number(count), unit: say(`unit.${unit}`) });
}
