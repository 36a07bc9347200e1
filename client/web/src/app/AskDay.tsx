/** Asks for the date where the device's clock can't be right. */
import { useSignal } from "@preact/signals";
import { say } from "../languages/messages.ts";
import { Button, Notice } from "./controls.tsx";
import { dayByPerson } from "./session.ts";

const DAY_MS = 86_400_000;

/** Keeps the day until the page is closed, and goes on. */
export function AskDay({ onDay }: { readonly onDay: () => void }) {
  const typed = useSignal("");
  const day = dayOf(typed.value);
  return (
    <Notice kind="bad">
      <p>
        <strong>{say("clock.title")}</strong>
      </p>
      <p id="clock-hint">{say("clock.hint")}</p>
      <div class="row">
        <input
          type="date"
          autoComplete="off"
          aria-label={say("clock.title")}
          aria-describedby="clock-hint"
          placeholder="2022-01-05"
          value={typed.value}
          onInput={(event) => {
            typed.value = event.currentTarget.value;
          }}
        />
        <Button
          isOff={day === null}
          onPress={() => {
            dayByPerson.value = day;
            onDay();
          }}
        >
          {say("clock.use")}
        </Button>
      </div>
    </Notice>
  );
}

/** A day of the Unix epoch. Where the browser has no field for dates it is typed year first. */
function dayOf(typed: string): number | null {
  const [, year, month, date] = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(typed.trim()) ?? [];
  if (year === undefined) return null;
  const timeMs = Date.UTC(Number(year), Number(month) - 1, Number(date));
  return Number.isNaN(timeMs) ? null : Math.floor(timeMs / DAY_MS);
}
