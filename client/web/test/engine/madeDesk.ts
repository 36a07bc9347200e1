/** A desk for tests: its card, and the secrets that open what is sealed to it; a report to it. */
import type { Draft } from "../../src/engine/engine.ts";
import { epochOf } from "../../src/protocol/days.ts";
import { pack, type Value } from "../../src/protocol/record.ts";
import { SealingSecret } from "../../src/protocol/sealing.ts";
import { SigningKey } from "../../src/protocol/signing.ts";

const DAYS = 100;
const WEEKS = 2;

/** The envelope of a document (SPEC 9). */
export function signed(key: SigningKey, type: number, name: string, fields: Value[]): Uint8Array {
  const content = pack(fields);
  return pack([type, content, key.publicKey, key.sign(name, new Uint8Array(0), content)]);
}

export interface MadeDesk {
  readonly root: SigningKey;
  readonly signing: SigningKey;
  readonly secrets: readonly SealingSecret[];
  readonly card: (serial?: number, previous?: Uint8Array) => Uint8Array;
}

/** One whose card is for the week of a day and the next, and was issued then. */
export function madeDesk(day: number): MadeDesk {
  const root = SigningKey.generate();
  const signing = SigningKey.generate();
  const secrets = Array.from({ length: WEEKS }, () => SealingSecret.generate());
  const rows = [[signing.publicKey, day - DAYS, day + DAYS]];
  const statement = signed(root, 4, "statement", [1, 1, day, rows, [], new Uint8Array(32), null]);
  const card = (serial = 1, previous: Uint8Array = new Uint8Array(32)) =>
    signed(signing, 5, "desk-card", [
      1,
      statement,
      serial,
      previous,
      day,
      "Desk",
      ["en"],
      "",
      90,
      epochOf(day),
      secrets.map(({ publicKey }) => publicKey),
      [],
      [],
    ]);
  return { root, signing, secrets, card };
}

/** A report of one sentence. */
export function draftTo(desk: string, more: Partial<Draft> = {}): Draft {
  return {
    desk,
    text: "They came at night.",
    what: "",
    where: "",
    when: "",
    basis: 0,
    figures: [],
    language: "",
    urgent: false,
    files: [],
    code: null,
    today: null,
    ...more,
  };
}
