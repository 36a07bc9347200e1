/** The screen of what was sealed: how far each report has come, and how it travels on. */
import { say } from "../../languages/messages.ts";
import { Title } from "../controls.tsx";
import { outbox } from "../session.ts";
import { Carry } from "./Carry.tsx";
import { Home } from "./Home.tsx";
import { Item } from "./Item.tsx";
import { Send } from "./Send.tsx";

export function Outbox() {
  const items = outbox.value;
  return (
    <section>
      <Title>{say("outbox.title")}</Title>
      <Send />
      {items === null && <p class="hint">{say("loading")}</p>}
      {items !== null && items.length === 0 && <p class="empty">{say("outbox.empty")}</p>}
      {items !== null && items.length > 0 && (
        <ul class="cards">
          {items.map((item) => (
            <Item key={item.number} item={item} />
          ))}
        </ul>
      )}
      <Carry />
      <Home />
    </section>
  );
}
