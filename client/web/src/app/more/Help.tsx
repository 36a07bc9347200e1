/** The screen that says what is protected and what is not. */
import { type Key, say } from "../../languages/messages.ts";
import { Button, Title } from "../controls.tsx";
import { go } from "../navigation.ts";

const chapters: readonly { readonly title: Key; readonly points: readonly Key[] }[] = [
  { title: "help.how", points: ["help.how.1", "help.how.2", "help.how.3", "help.how.4"] },
  { title: "help.safe", points: ["help.safe.1", "help.safe.2", "help.safe.3"] },
  {
    title: "help.unsafe",
    points: ["help.unsafe.1", "help.unsafe.2", "help.unsafe.3", "help.unsafe.4", "help.unsafe.5"],
  },
  {
    title: "help.taken",
    points: ["help.taken.1", "help.taken.2", "help.taken.3", "help.taken.4"],
  },
  { title: "help.plain", points: ["help.plain.1", "help.plain.2"] },
];

export function Help() {
  return (
    <section>
      <Title>{say("help.title")}</Title>
      {chapters.map(({ title, points }) => (
        <div class="panel" key={title}>
          <h2>{say(title)}</h2>
          <ul class="points">
            {points.map((point) => (
              <li key={point}>{say(point)}</li>
            ))}
          </ul>
        </div>
      ))}
      <div class="row">
        <Button onPress={() => go("share")}>{say("help.file")}</Button>
        <Button onPress={() => go("wipe")}>{say("more.wipe")}</Button>
      </div>
    </section>
  );
}
