/** The views at the left: filters that are asked for often, by name. */
import { STATES, type State } from "../api.ts";
import type { Chip, Filters } from "../state/filters.ts";
import type { Key } from "../words/say.ts";

export interface View {
  readonly label: Key;
  readonly filters: Filters;
  readonly count?: "reports" | "unread" | "starred" | "urgent" | "muted";
}

const stateNames: Readonly<Record<State, Key>> = {
  new: "state.new",
  checking: "state.checking",
  corroborated: "state.corroborated",
  doubtful: "state.doubtful",
  published: "state.published",
  rejected: "state.rejected",
};

export function stateName(state: State): Key {
  return stateNames[state];
}

function only(...chips: Chip[]): Filters {
  return { chips, words: "" };
}

export const MAIN_VIEWS: readonly View[] = [
  { label: "view.all", filters: only(), count: "reports" },
  { label: "view.unread", filters: only({ name: "is", value: "unread" }), count: "unread" },
  { label: "view.starred", filters: only({ name: "is", value: "starred" }), count: "starred" },
  { label: "view.urgent", filters: only({ name: "is", value: "urgent" }), count: "urgent" },
  { label: "view.firstHand", filters: only({ name: "is", value: "first-hand" }) },
  { label: "view.media", filters: only({ name: "has", value: "media" }) },
];

export const STATE_VIEWS: readonly View[] = STATES.map((state) => ({
  label: stateName(state),
  filters: only({ name: "state", value: state }),
}));

export const MUTED_VIEW: View = {
  label: "view.muted",
  filters: only({ name: "is", value: "muted" }),
  count: "muted",
};
