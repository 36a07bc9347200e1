/** The sheet of keys says what is there, and what is there stands on it. */
import { expect, test } from "vitest";
import { COMMAND_WORDS, FIELD_WORDS, keyNames, PICTURE_WORDS } from "../src/shell/keyWords.ts";
import { FIELD_KEYS, KEYS, PICTURE_KEYS, press, pressInPicture } from "../src/state/keys.ts";

test("every key that is explained is a command, and every command is explained", () => {
  for (const [keys, command] of KEYS) {
    const [first = "", second] = keys.split(" ");
    const pressed = second === undefined ? press("", first) : press(first, second);
    expect(pressed.command, keys).toBe(command);
  }
  expect(KEYS.map(([, command]) => command).sort()).toEqual(Object.keys(COMMAND_WORDS).sort());
});

test("so it is in a picture and in a field", () => {
  for (const [key, command] of PICTURE_KEYS) expect(pressInPicture(key), key).toBe(command);
  expect(pressInPicture("=")).toBe("closer");
  expect(pressInPicture("j")).toBeNull();
  const commands = (keys: readonly (readonly [string, string])[]) =>
    keys.map(([, command]) => command).sort();
  expect(commands(PICTURE_KEYS)).toEqual(Object.keys(PICTURE_WORDS).sort());
  expect(commands(FIELD_KEYS)).toEqual(Object.keys(FIELD_WORDS).sort());
});

test("a key is written as it stands on a keyboard", () => {
  expect(keyNames("J")).toEqual(["Shift", "j"]);
  expect(keyNames("g i")).toEqual(["g", "i"]);
  expect(keyNames("Ctrl Enter")).toEqual(["Ctrl", "Enter"]);
  expect(keyNames("ArrowUp")).toEqual(["↑"]);
});
