/** The worker's entry: the engine, and the page that it answers. */
import "./oldBrowsers.ts";
import { type Ask, serve, type Told } from "./calls.ts";
import { LocalEngine } from "./localEngine.ts";

interface Scope {
  onmessage: ((event: MessageEvent<Ask>) => void) | null;
  postMessage(told: Told): void;
}

const scope = globalThis as unknown as Scope;
const answer = serve(LocalEngine.open, (told) => scope.postMessage(told));
scope.onmessage = ({ data }) => answer(data);
