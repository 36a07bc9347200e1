/** Incidents: reports of one event, gathered. The list at the left, the opened one at the right. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Form } from "../../../src/app/controls.tsx";
import { number } from "../../../src/languages/messages.ts";
import type { Incident, IncidentPage } from "../api.ts";
import { MiniRow } from "../inbox/MiniRow.tsx";
import { mounts } from "../mounts.ts";
import { Log } from "../report/Log.tsx";
import { decide } from "../state/deciding.ts";
import { incidents, readDesk } from "../state/desk.ts";
import { openExport } from "../state/exporting.ts";
import { useFetched } from "../state/fetched.ts";
import { alike } from "../state/folding.ts";
import { makeIncident } from "../state/gathering.ts";
import { incident, tell } from "../state/navigation.ts";
import { say } from "../words/say.ts";
import { moment } from "../words/times.ts";

const MOST_ALIKE = 5;

export function IncidentsPage() {
  const opened = incident.value ?? incidents.value[0]?.id ?? null;
  return (
    <div class="page">
      <section class="page-list">
        <h1>{say("place.incidents")}</h1>
        <NewIncident />
        <ul>
          {incidents.value.map((each) => (
            <li key={each.id}>
              <Entry of={each} isOpen={each.id === opened} />
            </li>
          ))}
        </ul>
        {incidents.value.length === 0 && <p class="empty">{say("incidents.none")}</p>}
      </section>
      <div class="page-body">{opened !== null && <Opened key={opened} id={opened} />}</div>
    </div>
  );
}

function Entry({ of, isOpen }: { readonly of: Incident; readonly isOpen: boolean }) {
  return (
    <button
      type="button"
      class="entry"
      {...(isOpen ? { "aria-current": "true" as const } : {})}
      onClick={() => {
        incident.value = of.id;
      }}
    >
      <bdi>{of.name || of.id.slice(0, 8)}</bdi>
      <span class="count">
        {number(of.reports)}
        {of.newest_s !== null && ` · ${moment(of.newest_s)}`}
      </span>
    </button>
  );
}

function NewIncident() {
  const name = useSignal("");
  const words = name.value.trim();
  const others = words === "" ? [] : alike(incidents.value, words).slice(0, MOST_ALIKE);
  const make = async () => {
    const id = await makeIncident(words, []);
    if (id === null) return;
    name.value = "";
    incident.value = id;
  };
  return (
    <Form onSend={() => void make()}>
      <NameField label={say("incidents.new")} typed={name} />
      {others.length > 0 && (
        <p class="hint">
          {say("incidents.alike")}{" "}
          {others.map((each) => (
            <button
              type="button"
              key={each.id}
              class="link"
              onClick={() => {
                name.value = "";
                incident.value = each.id;
              }}
            >
              <bdi>{each.name}</bdi>
            </button>
          ))}
        </p>
      )}
      <button type="submit" class="main" disabled={name.value.trim() === ""}>
        {say("incidents.make")}
      </button>
    </Form>
  );
}

function NameField({ label, typed }: { label: string; typed: { value: string } }) {
  return (
    <label>
      {label}
      <input
        type="text"
        dir="auto"
        autoComplete="off"
        maxLength={120}
        value={typed.value}
        onInput={(event) => {
          typed.value = event.currentTarget.value;
        }}
      />
    </label>
  );
}

function Opened({ id }: { readonly id: string }) {
  const { found, failure, again } = useFetched<IncidentPage>(`/api/incidents/${id}`);
  const { IncidentContents } = mounts;
  if (failure !== "") {
    return (
      <p class="empty" role="alert">
        {failure}
      </p>
    );
  }
  if (found === null) return <p class="empty">{say("loading")}</p>;
  const takeOut = async (report: string) => {
    if (await decide([{ what: "gathered", report, incident: id, value: false }])) again();
  };
  return (
    <article>
      <Name of={found} onDone={again} />
      <h3>{say("incidents.reports", { count: found.rows.length })}</h3>
      {found.rows.map((row) => (
        <MiniRow key={row.id} row={row}>
          <button type="button" class="link" onClick={() => void takeOut(row.id)}>
            {say("incidents.takeOut")}
          </button>
        </MiniRow>
      ))}
      {found.rows.length === 0 && <Empty of={found} />}
      {IncidentContents !== undefined && <IncidentContents id={id} />}
      <Log log={found.log} />
    </article>
  );
}

/** Nothing is gathered in it: it can go. */
function Empty({ of }: { readonly of: IncidentPage }) {
  const drop = async () => {
    if (!(await decide([{ what: "deleted", incident: of.id }]))) return;
    tell(say("incidents.deleted", { name: of.name }));
    incident.value = null;
    await readDesk();
    document.querySelector<HTMLElement>(".page-list input")?.focus();
  };
  return (
    <>
      <p class="hint">{say("incidents.empty")}</p>
      <button type="button" class="quiet small danger" onClick={() => void drop()}>
        {say("incidents.delete")}
      </button>
    </>
  );
}

function Name({ of, onDone }: { readonly of: IncidentPage; readonly onDone: () => void }) {
  const typed = useSignal(of.name);
  const isChanging = useSignal(false);
  useEffect(() => {
    typed.value = of.name;
  }, [of.name, typed]);
  const keep = async () => {
    const name = typed.value.trim();
    if (name !== "" && (await decide([{ what: "incident", incident: of.id, name }]))) {
      isChanging.value = false;
      await readDesk();
      onDone();
    }
  };
  if (!isChanging.value) {
    return (
      <div class="report-title">
        <h2 dir="auto">{of.name || of.id.slice(0, 8)}</h2>
        <div class="row">
          <button
            type="button"
            class="quiet small"
            onClick={() => {
              isChanging.value = true;
            }}
          >
            {say("incidents.rename")}
          </button>
          {mounts.ExportPanel !== undefined && of.rows.length > 0 && (
            <button type="button" class="quiet small" onClick={() => openExport("incident")}>
              {say("export.button")}
            </button>
          )}
        </div>
      </div>
    );
  }
  return (
    <Form onSend={() => void keep()}>
      <NameField label={say("incidents.name")} typed={typed} />
      <button type="submit" class="main">
        {say("keep")}
      </button>
    </Form>
  );
}
