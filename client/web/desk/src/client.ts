/**
 * Talks with the desk's server: the login, questions and answers, downloads. Says on `link` whether
 * it can. The session is kept in sessionStorage alone, so it ends with the tab. Where the line broke
 * off nothing is sent before the server has proved that it is the one which let this window in:
 * another program may have taken its port.
 */
import { signal } from "@preact/signals";
import { hex } from "../../src/protocol/bytes.ts";
import { say } from "./words/say.ts";

/** `over`: the session has ended or never began; `gone`: nobody answers, and it is tried again. */
export type Link = "opening" | "open" | "over" | "gone";
export const link = signal<Link>("opening");

/** Why something was not done, as a sentence; `status` is 0 where nobody answered. */
export class DeskError extends Error {
  readonly status: number;

  constructor(status: number, words: string) {
    super(words);
    this.status = status;
  }
}

/** What a person is told of a failure. */
export function wordsOf(error: unknown): string {
  return error instanceof DeskError ? error.message : say("error.here");
}

const LOGIN = "/api/login";
const KEPT = "session";
const PROOF_KEY = "proof key";
const NONCE_BYTES = 32;
/** Whether the one that answers is known, and the line has held since. */
let isKnown = false;

/** The line broke off: whoever answers next is to prove itself. */
export function doubt(): void {
  isKnown = false;
}

/** Takes the token out of the address, and a session for it; without one the kept session counts. */
export async function enter(): Promise<void> {
  const token = location.hash.slice(1);
  if (token !== "") history.replaceState(null, "", location.pathname);
  if (token !== "") await login(token);
  else if (sessionStorage.getItem(KEPT) === null) link.value = "over";
  else link.value = "open";
}

interface Entered {
  readonly session: string;
  readonly proof_key: string;
}

/** Throws DeskError for a token that was used, is too old, or never was one. */
export async function login(token: string): Promise<void> {
  try {
    const given = await ask<Entered>(LOGIN, { token });
    sessionStorage.setItem(KEPT, given.session);
    sessionStorage.setItem(PROOF_KEY, given.proof_key);
    isKnown = true;
    link.value = "open";
  } catch (error) {
    // A token that is refused does not end the session that this tab has.
    if (!(error instanceof DeskError) || error.status === 0) throw error;
    link.value = sessionStorage.getItem(KEPT) === null ? "over" : "open";
    if (link.value === "over") throw error;
  }
}

/** GET, or POST where there is a body. Throws DeskError. */
export async function ask<T>(path: string, body?: unknown): Promise<T> {
  const answer = await send(path, body);
  try {
    return (await answer.json()) as T;
  } catch {
    // It was cut off in the middle.
    throw new DeskError(0, say("error.gone"));
  }
}

/** A file that the server makes, under the name that it gives it. Throws DeskError. */
export async function download(path: string, body?: unknown): Promise<File> {
  const answer = await send(path, body);
  const [, name = "qanat"] =
    /filename="([^"]+)"/.exec(answer.headers.get("content-disposition") ?? "") ?? [];
  return new File([await answer.blob()], name, { type: answer.headers.get("content-type") ?? "" });
}

/** The answer's head with its body still coming. Throws DeskError. */
export async function send(path: string, body?: unknown, until?: AbortSignal): Promise<Response> {
  const isLogin = path === LOGIN;
  if (!isLogin && !isKnown) await prove(until);
  const session = isLogin ? null : sessionStorage.getItem(KEPT);
  const answer = await fetched(path, session, body, until);
  if (answer.ok) {
    if (link.value === "gone") link.value = "open";
    return answer;
  }
  if (answer.status === 401 && !isLogin) end();
  throw new DeskError(answer.status, await sentence(answer));
}

function end(): void {
  sessionStorage.removeItem(KEPT);
  sessionStorage.removeItem(PROOF_KEY);
  link.value = "over";
}

async function fetched(
  path: string,
  session: string | null,
  body: unknown,
  until: AbortSignal | undefined,
): Promise<Response> {
  try {
    return await fetch(path, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        ...(session === null ? {} : { authorization: `Bearer ${session}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(until === undefined ? {} : { signal: until }),
      cache: "no-store",
      redirect: "error",
    });
  } catch (error) {
    if (until?.aborted) throw error;
    doubt();
    if (link.value === "open") link.value = "gone";
    throw new DeskError(0, say("error.gone"));
  }
}

/** Throws DeskError where nobody answers, or another than the one that let this window in. */
async function prove(until: AbortSignal | undefined): Promise<void> {
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const answer = await fetched("/api/proof", null, { nonce: hex(nonce) }, until);
  const said: unknown = await answer.json().catch(() => null);
  const { proof } = (said ?? {}) as { readonly proof?: unknown };
  if (proof !== (await proofOf(nonce))) {
    end();
    throw new DeskError(401, say("error.gone"));
  }
  isKnown = true;
}

async function proofOf(nonce: Uint8Array<ArrayBuffer>): Promise<string | null> {
  const given = sessionStorage.getItem(PROOF_KEY);
  if (given === null) return null;
  const secret = new TextEncoder().encode(given);
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", secret, algorithm, false, ["sign"]);
  return hex(new Uint8Array(await crypto.subtle.sign("HMAC", key, nonce)));
}

async function sentence(answer: Response): Promise<string> {
  const said: unknown = await answer.json().catch(() => null);
  const { error } = (said ?? {}) as { readonly error?: unknown };
  return typeof error === "string" ? error : say("error.status", { status: String(answer.status) });
}
