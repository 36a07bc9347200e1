/** Which message stands for what the engine says. Decides nothing. */
import { EngineError, type ItemPart, type Refusal, type ReportState } from "../engine/engine.ts";
import { country, type Key, list, say } from "../languages/messages.ts";

/** As the protocol has it; its code stays out of the page. */
const CODE_DIGITS = 24;

const refusals: Readonly<Record<Refusal, Key>> = {
  malformed: "error.malformed",
  bad_signature: "error.bad_signature",
  expired: "error.expired",
  older_card: "error.older_card",
  unknown_desk: "error.unknown_desk",
  bad_code: "error.bad_code",
  too_large: "error.too_large",
  too_many_files: "error.too_many_files",
  empty: "error.empty",
  unreadable_file: "error.unreadable_file",
  clock: "error.clock",
  no_room: "error.no_room",
  no_storage: "error.no_storage",
  no_network: "error.no_network",
  wrong_relay: "error.wrong_relay",
  relay_nonsense: "error.relay_nonsense",
  busy: "error.busy",
  cancelled: "error.cancelled",
  failed: "error.failed",
};

/** The code of what was thrown; what is no EngineError has gone wrong in a way of its own. */
export function refusalOf(error: unknown): Refusal {
  return error instanceof EngineError ? error.code : "failed";
}

export function refusalWords(refusal: Refusal): string {
  return say(refusals[refusal]);
}

export function errorWords(error: unknown): string {
  return refusalWords(refusalOf(error));
}

/** What is wrong with a code: too few or too many digits, or one of them. */
export function codeWords(typed: string): string {
  const count = typed.match(/\p{Nd}/gu)?.length ?? 0;
  return count === CODE_DIGITS ? say("error.bad_code") : say("code.count", { count });
}

/** The same for a code that was typed: what it says of that, else what went wrong. */
export function codeErrorWords(error: unknown, typed: string): string {
  return refusalOf(error) === "bad_code" ? codeWords(typed) : errorWords(error);
}

/** Of a card that was given: what is no card may be of any size. */
export function cardErrorWords(error: unknown): string {
  const refusal = refusalOf(error);
  return refusalWords(refusal === "too_large" ? "malformed" : refusal);
}

/** The state of a report and who says so, as `qanat outbox` puts it. */
export function stateWords(
  state: ReportState,
  relays: number,
  countries: readonly string[],
): { readonly title: string; readonly hint: string } {
  switch (state) {
    case "queued":
      return { title: say("state.queued"), hint: say("state.queued.hint") };
    case "part_sent":
      return { title: say("state.part_sent"), hint: say("state.part_sent.hint") };
    case "held":
      return { title: say("state.held"), hint: say("state.held.hint") };
    case "signed":
      return { title: say("state.signed", { count: relays }), hint: "" };
    case "abroad":
      return {
        title: say("state.abroad"),
        hint: say("state.abroad.hint", { countries: list(countries.map(country)) }),
      };
    case "opened":
      return { title: say("state.opened"), hint: say("state.opened.hint") };
    case "expired":
      return { title: say("state.expired"), hint: say("state.expired.hint") };
  }
}

const roles: Readonly<Record<ItemPart["role"], Key>> = {
  letter: "role.letter",
  thumbnail: "role.thumbnail",
  preview: "role.preview",
  original: "role.original",
};

export function roleWords(role: ItemPart["role"]): string {
  return say(roles[role]);
}
