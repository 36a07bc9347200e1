/** The country that the person said they are in: what is outside of it has left the country. */
import type { Store, Transaction } from "./tables.ts";

/** The code of the country in two capital letters; "" while nobody has said it. */
export async function homeIn(rows: Transaction): Promise<string> {
  return (await rows.get("setting", "home"))?.value ?? "";
}

/** Keeps it; whatever is no code of two letters takes it back. */
export async function setHome(store: Store, country: string): Promise<void> {
  const value = country.toUpperCase();
  await store.write(["setting"], async (rows) => {
    if (/^[A-Z]{2}$/.test(value)) await rows.put("setting", { name: "home", value });
    else await rows.remove("setting", "home");
  });
}
