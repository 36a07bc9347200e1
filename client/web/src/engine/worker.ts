/**
 * The worker's entry: the engine, and the page that it answers; or a hash, which an engine asks for.
 * It is one script, so that a first visit loads no second one.
 */
import "./oldBrowsers.ts";
import { type Ask, serve, type Told } from "./calls.ts";
import { HASHES, takeHash } from "./hasher.ts";
import { LocalEngine } from "./localEngine.ts";

interface Scope {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(told: Told | Uint8Array | null): void;
}

const scope = globalThis as unknown as Scope;
const answer = serve(LocalEngine.open, (told) => scope.postMessage(told));
scope.onmessage = ({ data }: MessageEvent<Ask | typeof HASHES>) => {
  if (data === HASHES) void takeHash(scope);
  else answer(data);
};
