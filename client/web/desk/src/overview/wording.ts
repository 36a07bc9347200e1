/** What the overview says of its places, moments and lengths of time. */
import { number } from "../../../src/languages/messages.ts";
import { say } from "../words/say.ts";
import type { Cluster } from "./answer.ts";
import { duration } from "./scales.ts";

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const date = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** The name in Latin letters. */
export function namesOf({ names, place }: Cluster): string {
  return names.en ?? place;
}

/** With its region where others have its name too. */
export function toldApart({ names, place, region, namesakes }: Cluster): string {
  const name = names.en ?? place;
  return namesakes.length === 0 || region === null ? name : `${name}, ${region}`;
}

/** The regions in which the others lie, or their numbers in the table. */
export function othersOf({ namesakes }: Cluster): string {
  return namesakes.map(({ place, region }) => region ?? place).join(", ");
}

/** What people there call it, where that is not the same. */
export function localNames({ names }: Cluster): readonly (readonly [string, string])[] {
  const found = Object.entries(names).filter(([language]) => language !== "en");
  const seen = new Set<string>();
  return found.filter(([, name]) => {
    const isNew = !seen.has(name);
    seen.add(name);
    return isNew;
  });
}

/** One place in words, for whoever hears the map. */
export function toldOf(cluster: Cluster): string {
  return [
    `${toldApart(cluster)}: ${say("list.total", { count: cluster.reports })}`,
    ...(cluster.urgent > 0 ? [say("map.urgent", { count: cluster.urgent })] : []),
    ...(cluster.unsure > 0 ? [say("map.unsure", { count: cluster.unsure })] : []),
  ].join(", ");
}

/** A moment on an axis: the hour, or the day where a day begins. */
export function tickOf(at_s: number): string {
  const at = new Date(at_s * 1000);
  return at.getHours() === 0 && at.getMinutes() === 0 ? date.format(at) : clock.format(at);
}

export function hourOf(at_s: number): string {
  const at = new Date(at_s * 1000);
  return `${date.format(at)} ${clock.format(at)}`;
}

const lengths = { min: "length.min", h: "length.h", d: "length.d" } as const;

export function lengthOf(length_s: number): string {
  const { unit, count } = duration(length_s);
  return say(lengths[unit], { count: number(count) });
}
