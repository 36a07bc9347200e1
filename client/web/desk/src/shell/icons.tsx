/** The drawings of the editors' app. They say nothing that a word beside them does not. */
import { Icon } from "../../../src/app/icons.tsx";
import type { Place } from "../state/navigation.ts";

const places: Readonly<Record<Place, string>> = {
  inbox: "M4 14v5h16v-5M12 4v11M7.5 10.5L12 15l4.5-4.5",
  overview: "M9 5L4 7v12l5-2 6 2 5-2V5l-5 2zM9 5v12M15 7v12",
  incidents: "M5 8h14v11H5zM8 8V5h8v3M9 13h6",
  bulletins: "M5 10v4h3l8 4V6l-8 4zM19 10v4",
  outgoing: "M4 14v5h16v-5M12 15V4M7.5 8.5L12 4l4.5 4.5",
  desk: "M4 20h16M6 20V9l6-5 6 5v11M10 20v-6h4v6",
};
const BOX = "M5 5h14v14H5z";
const HOOK = "M8 12.5l3 3 5.5-7";
const STAR = "M12 4l2.5 5.2 5.5.8-4 4 1 5.8-5-2.8-5 2.8 1-5.8-4-4 5.5-.8z";

export function PlaceIcon({ place }: { readonly place: Place }) {
  return <Icon path={places[place]} />;
}

export function Star({ isOn }: { readonly isOn: boolean }) {
  return (
    <svg class={isOn ? "icon star on" : "icon star"} viewBox="0 0 24 24" aria-hidden="true">
      <path d={STAR} />
    </svg>
  );
}

/** A box, with a hook in it where the row is chosen. */
export function Tick({ isOn }: { readonly isOn: boolean }) {
  return (
    <svg class={isOn ? "icon tick-box on" : "icon tick-box"} viewBox="0 0 24 24" aria-hidden="true">
      <path d={BOX} />
      {isOn && <path class="hook" d={HOOK} />}
    </svg>
  );
}
