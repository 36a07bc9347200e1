/**
 * What each operation of protocol/vectors means in calls of the protocol.
 *
 * An operation fills `out` as far as it comes; what it throws is the verdict.
 */
import { ProtocolError } from "../src/protocol/errors.ts";
import { documents } from "./operationsOfDocuments.ts";
import { sealed } from "./operationsOfSealed.ts";
import { session } from "./operationsOfSession.ts";
import { values } from "./operationsOfValues.ts";
import type { Given, Json } from "./vectors.ts";

export type Out = Record<string, Json>;
export type Operation = (given: Given, out: Out) => void | Promise<void>;

export const OPERATIONS: Readonly<Record<string, Operation>> = {
  ...values,
  ...sealed,
  ...documents,
  ...session,
};

/** Whose output tells what stood before the fault. */
export const STREAMS: readonly string[] = [
  "receive_transfer",
  "relay_reads",
  "client_reads",
  "read_bundle",
];

/** What only a relay, a peer or a desk does, and the web app never. */
export const NOT_OF_THE_WEB_APP: readonly string[] = [
  "cell_places",
  "estimate",
  "peel",
  "read_datagram",
  "sketch",
  "verify_desk_interest",
  "verify_peer_interest",
];

/** The verdict on an input, and the output as far as it came; what is no ProtocolError is thrown on. */
export async function judge(
  operation: string,
  given: Given,
): Promise<{ verdict: string; out: Out }> {
  const out: Out = {};
  try {
    await OPERATIONS[operation]?.(given, out);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { verdict: error.verdict, out };
  }
  return { verdict: "ok", out };
}
