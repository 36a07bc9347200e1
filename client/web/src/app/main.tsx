/** Starts the app: language, engine, screens, service worker. */
import { render } from "preact";
import { createEngine } from "../engine/client.ts";
import EngineWorker from "../engine/worker.ts?worker";
import { LANGUAGES, preferred, speak } from "../languages/messages.ts";
import { App } from "./App.tsx";
import "./app.css";
import { chosen } from "./choices.ts";
import { watchInstalling } from "./installing.ts";
import { watchEscape } from "./leaving.ts";
import { follow } from "./navigation.ts";
import { startAutomatic } from "./sending.ts";
import { begin } from "./session.ts";
import { registerWorker } from "./updating.ts";

async function start(root: Element): Promise<void> {
  const known = LANGUAGES.find((each) => each === chosen("language"));
  // Without a network there may be another language only.
  for (const each of [known ?? preferred(navigator.languages), ...LANGUAGES]) {
    if (await speak(each)) break;
  }
  watchEscape();
  follow(() => scrollTo(0, 0));
  if (!__SINGLE_FILE__) watchInstalling();
  render(<App />, root);
  await begin(() => createEngine(() => new EngineWorker()));
  startAutomatic();
  await registerWorker();
}

const root = document.getElementById("app");
if (root !== null) void start(root);
