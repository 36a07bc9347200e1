/** Every error by the code that the screens have words for. What has no code is `failed`. */
import { ProtocolError } from "../protocol/errors.ts";
import type { Fault } from "../protocol/verdicts.ts";
import { EngineError, type Refusal } from "./engine.ts";

const BY_VERDICT: Partial<Record<Fault, Refusal>> = {
  malformed: "malformed",
  unknown_version: "malformed",
  unknown_suite: "malformed",
  unknown_kind: "malformed",
  bad_key: "malformed",
  bad_name: "malformed",
  bad_chain: "bad_signature",
  bad_signature: "bad_signature",
  not_certified: "bad_signature",
  wrong_recipient: "unknown_desk",
  older_serial: "older_card",
  bad_check: "bad_code",
  too_large: "too_large",
  expired: "expired",
  cut: "malformed",
};

const BY_NAME: Readonly<Record<string, Refusal>> = {
  AbortError: "cancelled",
  QuotaExceededError: "no_room",
  NotReadableError: "unreadable_file",
  NotFoundError: "unreadable_file",
  SecurityError: "no_storage",
};

/** The same error as the screens know it. */
export function refusalOf(error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  if (error instanceof ProtocolError) {
    return new EngineError(BY_VERDICT[error.verdict] ?? "failed", error.message);
  }
  if (error instanceof Error || error instanceof DOMException) {
    return new EngineError(BY_NAME[error.name] ?? "failed", `${error.name}: ${error.message}`);
  }
  return new EngineError("failed", String(error));
}

/** `work`, whose errors become the screens'. */
export async function refusing<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw refusalOf(error);
  }
}

/** Throws `cancelled` once the signal says so. */
export function checkGoing(signal: AbortSignal): void {
  if (signal.aborted) throw new EngineError("cancelled");
}
