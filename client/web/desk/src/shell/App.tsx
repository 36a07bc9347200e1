/** The frame: places and views at the left, the place that is shown, what lies over it. */
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { DeskPage } from "../about/DeskPage.tsx";
import { BulletinsPage } from "../bulletins/BulletinsPage.tsx";
import { link } from "../client.ts";
import { Inbox } from "../inbox/Inbox.tsx";
import { IncidentsPage } from "../incidents/IncidentsPage.tsx";
import { mounts } from "../mounts.ts";
import { OutgoingPage } from "../outgoing/OutgoingPage.tsx";
import { desk } from "../state/desk.ts";
import { stampOf, wishOf, withChip } from "../state/filters.ts";
import { filters, narrow } from "../state/list.ts";
import { go, type Place, place } from "../state/navigation.ts";
import { guardLeaving } from "../state/unsent.ts";
import { say } from "../words/say.ts";
import { listenToKeys } from "./keyboard.ts";
import { Gone, Over, Toast } from "./Notices.tsx";
import { Sheets } from "./Sheet.tsx";
import { SideBar } from "./SideBar.tsx";

const screens: Readonly<Partial<Record<Place, ComponentType>>> = {
  inbox: Inbox,
  overview: Overview,
  incidents: IncidentsPage,
  bulletins: BulletinsPage,
  outgoing: OutgoingPage,
  desk: DeskPage,
};

export function App() {
  useEffect(listenToKeys, []);
  useEffect(guardLeaving, []);
  const name = desk.value?.name ?? "";
  useEffect(() => {
    document.title = name === "" ? say("title") : say("title.of", { name });
  }, [name]);
  if (link.value === "opening") return <p class="lone">{say("loading")}</p>;
  if (link.value === "over") return <Over />;
  const Shown = screens[place.value] ?? Inbox;
  return (
    <div class="frame">
      <SideBar />
      <main>
        {link.value === "gone" && <Gone />}
        {desk.value?.warnings?.map((words) => (
          <p key={words} class="strip warn" role="alert">
            {words}
          </p>
        ))}
        <Shown />
        <Toast />
      </main>
      <Sheets />
    </div>
  );
}

function Overview() {
  const { Overview: Shown } = mounts;
  if (Shown === undefined) return null;
  return (
    <Shown
      wish={wishOf(filters.value, Math.floor(Date.now() / 1000))}
      onCity={(value) => {
        narrow(withChip(filters.value, { name: "city", value }));
        go("inbox");
      }}
      onSpan={(from_s, until_s) => {
        const since = withChip(filters.value, { name: "since", value: stampOf(from_s) });
        narrow(withChip(since, { name: "until", value: stampOf(until_s) }));
        go("inbox");
      }}
    />
  );
}
