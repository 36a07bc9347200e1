/** The closed list of verdicts, each at the number that ACK, ERROR and the vectors use (SPEC 20). */

export const VERDICTS = [
  "ok",
  "malformed",
  "unknown_version",
  "unknown_suite",
  "unknown_kind",
  "illegal_flags",
  "illegal_size",
  "too_large",
  "expired",
  "expiry_too_far",
  "bad_root",
  "bad_lock",
  "cannot_open",
  "bad_padding",
  "bad_signature",
  "bad_key",
  "wrong_recipient",
  "bad_name",
  "not_certified",
  "older_serial",
  "bad_chain",
  "bad_check",
  "bad_hash",
  "bad_stamp",
  "unexpected_frame",
  "bad_channel",
  "cut",
  "refused_full",
  "refused_quota",
  "refused_size",
  "refused_desk",
  "stamp_wanted",
  "busy",
  "tombstoned",
] as const;

/** What a reader decides on what it was given. */
export type Verdict = (typeof VERDICTS)[number];

/** What went wrong: every verdict but that all is well. */
export type Fault = Exclude<Verdict, "ok">;
