/** The words of the editors' app, all of them from en.json beside it. */
import { filled, type Message, type Values } from "../../../src/languages/messages.ts";
import english from "./en.json";

export type Key = keyof typeof english;

const messages: Readonly<Record<Key, Message>> = english;

/** The message with its values put in; `count` chooses the plural. */
export function say(key: Key, values: Values = {}): string {
  return filled(messages[key], values);
}
