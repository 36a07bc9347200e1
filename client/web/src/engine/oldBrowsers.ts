/**
 * What the libraries use and Chrome 87, Safari 14 and Firefox 91 do not have yet. Comes before all
 * else; our own code does without.
 */
if (typeof Object.hasOwn !== "function") {
  Object.defineProperty(Object, "hasOwn", {
    value: (object: object, key: PropertyKey) =>
      Object.getOwnPropertyDescriptor(object, key) !== undefined,
    configurable: true,
    writable: true,
  });
}
