/**
 * Errors by their verdict. A RemoteError says that the other side did wrong, a LocalError that we
 * did. Parsers throw RemoteError and nothing else.
 *
 * A message names the thing and the limit, in English; what a person is shown goes by `verdict`.
 */
import { type Fault, VERDICTS } from "./verdicts.ts";

/** Bytes or values that the protocol does not allow. */
export class ProtocolError extends Error {
  readonly verdict: Fault;

  constructor(verdict: Fault, detail = "") {
    super(detail || verdict.replaceAll("_", " "));
    this.name = new.target.name;
    this.verdict = verdict;
  }
}

/** What was received breaks the protocol. Nothing of it was taken. */
export class RemoteError extends ProtocolError {}

/** A block or list that is not what its header says; `handle` is the transfer that it came in. */
export class BadRoot extends RemoteError {
  readonly handle: number;

  constructor(handle: number, detail: string) {
    super("bad_root", detail);
    this.handle = handle;
  }
}

/** This program was about to make what the protocol does not allow. Nothing was sent. */
export class LocalError extends ProtocolError {}

/** Bytes that are damaged or not what they claim to be. */
export function malformed(detail: string): RemoteError {
  return new RemoteError("malformed", detail);
}

/** A value that the protocol cannot carry. */
export function localMalformed(detail: string): LocalError {
  return new LocalError("malformed", detail);
}

/**
 * The error of a verdict that the other side told (in ACK or ERROR), by its number.
 *
 * A number that is not in the list is shown as it is and treated as busy (SPEC 20); OK is no error
 * and therefore malformed.
 */
export function errorFor(verdict: number, detail = ""): RemoteError {
  const name = VERDICTS[verdict];
  if (name === "ok") {
    return malformed(detail || "the other side refused and said that all is well");
  }
  if (name === undefined) {
    return new RemoteError("busy", `verdict ${verdict}${detail && `: ${detail}`}`);
  }
  return new RemoteError(name, detail);
}

/**
 * Check what we are about to send with the parser that the other side will use: a RemoteError in
 * `check` becomes the LocalError of the same verdict.
 */
export function ourOwn<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof RemoteError) {
      throw new LocalError(error.verdict, error.message);
    }
    throw error;
  }
}
