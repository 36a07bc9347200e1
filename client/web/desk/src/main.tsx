/** Starts the editors' app: the login, what the server tells, the screen. */
import { effect } from "@preact/signals";
import { render } from "preact";
import { enter, link, wordsOf } from "./client.ts";
import { follow } from "./live.ts";
import "./desk.css";
import { App } from "./shell/App.tsx";
import { followDesk } from "./state/desk.ts";
import { load } from "./state/list.ts";
import { tell } from "./state/navigation.ts";

async function start(root: Element): Promise<void> {
  render(<App />, root);
  try {
    await enter();
  } catch (error) {
    tell(wordsOf(error), "bad");
  }
  followDesk();
  let following: AbortController | null = null;
  effect(() => {
    const isIn = link.value === "open" || link.value === "gone";
    if (isIn && following === null) {
      following = new AbortController();
      void load();
      void follow(following.signal);
    }
    if (!isIn) {
      following?.abort();
      following = null;
    }
  });
}

// Another link, put into the address of this tab, counts as one that is opened.
addEventListener("hashchange", () => {
  if (location.hash.length > 1) location.reload();
});

const root = document.getElementById("app");
if (root !== null) void start(root);
