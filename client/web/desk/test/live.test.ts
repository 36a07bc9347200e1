/** Events as they come, in whatever pieces. */
import { expect, test } from "vitest";
import { eventsIn } from "../src/live.ts";

const STREAM =
  'event: changed\ndata: {"counts":1}\n\n:\n\nevent: pull\ndata: {"a":\ndata: 2}\n\nevent: me';

test("whole events are taken, the rest is kept, and a line without meaning is none", () => {
  expect(eventsIn(STREAM)).toEqual({
    events: [
      { name: "changed", data: '{"counts":1}' },
      { name: "pull", data: '{"a":\n2}' },
    ],
    left: "event: me",
  });
});

test("a stream that comes byte by byte says the same", () => {
  const all = [];
  let left = "";
  for (const byte of STREAM) {
    const found = eventsIn(left + byte);
    all.push(...found.events);
    left = found.left;
  }
  expect(all).toEqual(eventsIn(STREAM).events);
  expect(left).toBe("event: me");
});
