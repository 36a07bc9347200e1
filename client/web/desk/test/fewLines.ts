/** A server of a few lines, into which this process is let. */
import { login } from "../src/client.ts";

type Answers = (path: string, body: string) => Promise<Response>;

/** All questions but the login go to `answer`, until `fetch` is put back. */
export async function served(answer: Answers): Promise<void> {
  const kept = new Map<string, string>();
  Object.assign(globalThis, {
    sessionStorage: {
      getItem: (name: string) => kept.get(name) ?? null,
      setItem: (name: string, value: string) => kept.set(name, value),
      removeItem: (name: string) => kept.delete(name),
    },
    fetch: async (path: string, { body }: { body: string }) =>
      path === "/api/login"
        ? Response.json({ session: "session", proof_key: "key" })
        : answer(path, body),
  });
  await login("token");
}
