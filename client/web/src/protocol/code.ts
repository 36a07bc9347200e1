/**
 * Codes: 24 digits in a head, and the person that they make towards one desk (SPEC 8).
 *
 * Keeps nothing: whoever wants the identity again types the code again.
 */
import { argon2id } from "./argon2.ts";
import { malformed, RemoteError } from "./errors.ts";
import { expand, sha256 } from "./hashing.ts";
import { label } from "./labels.ts";
import { randomBytes } from "./random.ts";
import { SealingSecret } from "./sealing.ts";
import { SigningKey } from "./signing.ts";

export const CODE_DIGITS = 24;
/** 10^22 codes against Argon2id is the whole protection; two more digits find typing errors. */
export const RANDOM_DIGITS = 22;

/** Of Argon2id. */
const COSTS = { memoryKib: 65_536, passes: 3, lanes: 1, sizeBytes: 32 };

/** Spaces, hyphens, tab and what may end a line. */
const DROPPED = /[\p{Zs}\p{Zl}\p{Zp}\p{Pd}\t\n\v\f\r\x85]/u;
const DIGIT = /\p{Nd}/u;

/** Who a code makes its owner towards one desk; never stored unless the person asks. */
export interface Identity {
  readonly signing: SigningKey;
  readonly reply: SealingSecret;
  readonly mailboxSecret: Uint8Array;
}

/** A code that nobody has had before, in six groups of four digits. */
export function newCode(): string {
  let digits = "";
  while (digits.length < RANDOM_DIGITS) {
    const [byte = 255] = randomBytes(1);
    // Of 256 bytes the last six would make some digits likelier than others.
    if (byte < 250) digits += String(byte % 10);
  }
  return grouped(withCheck(digits));
}

/** A code's 24 digits in six groups of four. */
export function grouped(digits: string): string {
  return (digits.match(/.{4}/g) ?? []).join(" ");
}

/**
 * The 24 ASCII digits of a code as somebody typed it.
 *
 * Takes decimal digits of any script, drops spaces, hyphens and line ends. `malformed` for another
 * character or number of digits, `bad_check` where the check digits do not fit.
 */
export function normalise(code: string): string {
  let digits = "";
  for (const sign of code) {
    if (!DROPPED.test(sign)) digits += asciiDigit(sign);
  }
  if (digits.length !== CODE_DIGITS) {
    throw malformed(`a code has ${CODE_DIGITS} digits, this one ${digits.length}`);
  }
  if (digits !== withCheck(digits.slice(0, RANDOM_DIGITS))) {
    throw new RemoteError("bad_check", "the check digits do not fit: there is a typing error");
  }
  return digits;
}

/** The identity of a code's owner towards a desk. Takes 64 MiB and a second or so on a phone. */
export async function identity(code: string, deskId: Uint8Array): Promise<Identity> {
  const salt = sha256(label("code-salt"), deskId).slice(0, 16);
  const digits = new TextEncoder().encode(normalise(code).slice(0, RANDOM_DIGITS));
  const seed = await argon2id(digits, salt, COSTS);
  return {
    signing: new SigningKey(expand(seed, label("code-signing"), 32)),
    reply: new SealingSecret(expand(seed, label("code-reply"), 32)),
    mailboxSecret: expand(seed, label("code-mailbox"), 32),
  };
}

function withCheck(digits: string): string {
  const check = 98n - ((BigInt(digits) * 100n) % 97n);
  return digits + String(check).padStart(2, "0");
}

function asciiDigit(sign: string): string {
  if (!DIGIT.test(sign)) {
    throw malformed(`a code is made of digits; ${JSON.stringify(sign)} is none`);
  }
  // Unicode has decimal digits in rows of ten, each from zero on, some rows next to each other.
  const point = sign.codePointAt(0) as number;
  let before = 0;
  while (DIGIT.test(String.fromCodePoint(point - before - 1))) before += 1;
  return String(before % 10);
}
