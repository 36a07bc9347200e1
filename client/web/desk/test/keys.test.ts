/** Keys and what they do, on keyboards of any script. */
import { expect, test } from "vitest";
import { KEYS, latin, press } from "../src/state/keys.ts";

test("one key is a command, two after each other are another", () => {
  expect(press("", "j")).toEqual({ command: "next", kept: "" });
  expect(press("", "g")).toEqual({ command: null, kept: "g" });
  expect(press("g", "i")).toEqual({ command: "goInbox", kept: "" });
  expect(press("", "i")).toEqual({ command: null, kept: "" });
  expect(press("g", "j")).toEqual({ command: null, kept: "" });
});

test("every key is there once, and no command's key begins a sequence", () => {
  const keys = KEYS.map(([each]) => each);
  expect(new Set(keys).size).toBe(keys.length);
  expect(KEYS.every(([each]) => each !== "g")).toBe(true);
});

test("a Cyrillic or Arabic keyboard does what the same key does on a Latin one", () => {
  const pressed = (key: string, code: string, shiftKey = false) => latin({ key, code, shiftKey });
  expect(pressed("о", "KeyJ")).toBe("j");
  expect(pressed("ы", "KeyS")).toBe("s");
  expect(pressed("۱", "Digit1")).toBe("1");
  expect(pressed(".", "Slash")).toBe("/");
  expect(pressed(",", "Slash", true)).toBe("?");
});

test("another Latin layout keeps its own letters", () => {
  expect(latin({ key: "y", code: "KeyZ", shiftKey: false })).toBe("y");
  expect(latin({ key: "Enter", code: "Enter", shiftKey: false })).toBe("Enter");
  expect(latin({ key: "ArrowDown", code: "ArrowDown", shiftKey: false })).toBe("ArrowDown");
});
