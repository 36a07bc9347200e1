/** Addresses of relays: scheme, host and port, and nothing that could say more (SPEC 9). */
import { malformed } from "./errors.ts";

const URL_FORM =
  /^(?:https?|udp):\/\/(?:\[(?<ipv6>[0-9a-f:.]+)\]|(?<name>[a-z0-9.-]+))(?::(?<port>[1-9][0-9]{0,4}))?$/;
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** RFC 1035 section 3.1: 255 bytes on the wire are 253 characters. */
const MAX_NAME_CHARS = 253;
const NUMBER = /^(?:[0-9]+|0x[0-9a-f]*)$/;
const OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);

/** Whether it is no URL for a browser, but where a relay takes datagrams (SPEC 23). */
export function isForDatagrams(address: string): boolean {
  return address.startsWith("udp:");
}

/**
 * `malformed` unless each is an address, and one for datagrams alone is not the first and has a
 * host that another has: nobody else's is sent what it never asked for.
 */
export function checkAddresses(addresses: readonly string[]): void {
  addresses.forEach(checkAddress);
  const [first] = addresses;
  if (first !== undefined && isForDatagrams(first)) {
    throw malformed(`${first} comes first: many paths pass no datagrams`);
  }
  const hosts = new Set(addresses.filter((address) => !isForDatagrams(address)).map(hostOf));
  for (const address of addresses) {
    if (!hosts.has(hostOf(address))) {
      throw malformed(`${address}: no http or https address is on that host`);
    }
  }
}

/** Of one that was checked. */
function hostOf(address: string): string {
  return address.replace(/^[a-z]+:\/\//, "").replace(/:[0-9]+$/, "");
}

/**
 * `malformed` unless this is an http, https or udp URL of a lower-case host and a port, which http
 * and https may leave out.
 *
 * No path, not even `/`, no query and no user. An IPv6 address stands in brackets.
 */
export function checkAddress(address: string): void {
  const { ipv6, name, port } = URL_FORM.exec(address)?.groups ?? {};
  const isIt =
    (ipv6 === undefined ? isHostName(name ?? "") : isIpv6(ipv6)) &&
    (port === undefined ? !isForDatagrams(address) : Number(port) <= 65_535);
  if (!isIt) {
    throw malformed(`not an http, https or udp URL of host and port: ${JSON.stringify(address)}`);
  }
}

function isHostName(name: string): boolean {
  const labels = name.split(".");
  // Browsers read a host whose last label is a number as IPv4, in every form that it ever had.
  if (NUMBER.test(labels[labels.length - 1] ?? "")) return IPV4.test(name);
  return name.length <= MAX_NAME_CHARS && labels.every((label) => LABEL.test(label));
}

function isIpv6(address: string): boolean {
  const halves = address.split("::");
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  const tail = groups[groups.length - 1];
  // The last four bytes may stand as IPv4; nothing may follow them.
  const hasIpv4 = tail?.includes(".") === true && !address.endsWith("::") && IPV4.test(tail);
  const numbers = hasIpv4 ? groups.slice(0, -1) : groups;
  const count = groups.length + (hasIpv4 ? 1 : 0);
  return (
    numbers.every((group) => /^[0-9a-f]{1,4}$/.test(group)) &&
    (halves.length === 2 ? count < 8 : count === 8)
  );
}
