/**
 * What the screens show of the engine: desks, outbox, bulletins, room. Read again whenever the
 * engine says that something has changed.
 */
import { signal } from "@preact/signals";
import type {
  BulletinView,
  DeskView,
  Engine,
  OutboxItem,
  Refusal,
  Room,
} from "../engine/engine.ts";
import { EngineError } from "../engine/engine.ts";
import { refusalOf } from "./words.ts";

export const desks = signal<readonly DeskView[] | null>(null);
export const outbox = signal<readonly OutboxItem[] | null>(null);
export const bulletins = signal<readonly BulletinView[] | null>(null);
export const room = signal<Room | null>(null);
/** The person's country, or "" while it is not said. */
export const home = signal("");
/** The day by the person, once the device's clock was found wrong; until the page is closed. */
export const dayByPerson = signal<number | null>(null);
/** Why nothing can be kept or read here. */
export const trouble = signal<Refusal | null>(null);
/** Whether the engine has begun; before that screens wait. */
export const isReady = signal(false);

let started: Engine | null = null;
let isReading = false;
let isStale = false;

/** The engine. Throws `failed` before it has begun, which the screens say. */
export function engine(): Engine {
  if (started === null) throw new EngineError(trouble.value ?? "failed");
  return started;
}

/** Takes an engine into use and follows it. */
export async function begin(make: () => Engine): Promise<void> {
  try {
    started = make();
    started.onChange(() => void readAgain());
    await readAgain();
  } catch (error) {
    trouble.value = refusalOf(error);
  }
  isReady.value = true;
}

/** Ends following: after a wipe there is nothing to read. */
export function end(): void {
  started = null;
  desks.value = [];
  outbox.value = [];
  bulletins.value = [];
  room.value = null;
  home.value = "";
}

/** Reads all again; a change that comes meanwhile makes it read once more. */
export async function readAgain(): Promise<void> {
  isStale = true;
  if (isReading) return;
  isReading = true;
  try {
    while (isStale && started !== null) {
      isStale = false;
      [desks.value, outbox.value, bulletins.value, room.value, home.value] = await Promise.all([
        started.desks(),
        started.outbox(),
        started.bulletins(),
        started.room(),
        started.homeCountry(),
      ]);
      trouble.value = null;
    }
  } catch (error) {
    trouble.value = refusalOf(error);
  } finally {
    isReading = false;
  }
}

/** Today by the person where the clock is wrong, else by the clock. */
export function today(): number {
  return dayByPerson.value ?? Math.floor(Date.now() / 86_400_000);
}
