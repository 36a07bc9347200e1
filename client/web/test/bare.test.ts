/** Pictures without place and device: what draws them stays byte for byte, all else is gone. */
import { expect, test } from "vitest";
import { bareJpeg, barePng, withoutMetadata } from "../src/media/bare.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const text = (words: string): Bytes => new TextEncoder().encode(words) as Bytes;

function joined(...pieces: readonly (Bytes | readonly number[])[]): Bytes {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}

function segment(marker: number, content: Bytes): Bytes {
  const length = content.length + 2;
  return joined([0xff, marker, length >> 8, length & 255], content);
}

/** Exif of one entry, which way up the picture is, and a place behind it. */
function exif(turned: number, isLittle: boolean): Bytes {
  const tiff = isLittle
    ? [0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, turned, 0, 0, 0, 0, 0, 0, 0]
    : [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, turned, 0, 0, 0, 0, 0, 0];
  return segment(0xe1, joined(text("Exif\0\0"), tiff, text("GPS 43.238 76.945 SERIAL 4711")));
}

const START = [0xff, 0xd8];
const END = [0xff, 0xd9];
const JFIF = segment(0xe0, joined(text("JFIF\0"), [1, 1, 0, 0, 1, 0, 1, 0, 0]));
const PROFILE = segment(0xe2, text("ICC_PROFILE\0\u0001\u0001colours"));
const TABLES = segment(
  0xdb,
  Uint8Array.from({ length: 65 }, (_, at) => at),
);
const SCAN = joined(
  segment(0xda, Uint8Array.of(1, 1, 0, 0, 63, 0)),
  [9, 0xff, 0, 8, 0xff, 0xd3, 7],
);
const SECOND_SCAN = joined(segment(0xda, Uint8Array.of(1, 1, 0, 0, 63, 0)), [5, 6]);

test.each([true, false])("a JPEG loses what the camera wrote, little-endian %s", (isLittle) => {
  const given = joined(
    START,
    JFIF,
    exif(1, isLittle),
    segment(0xe1, text("http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>Almaty")),
    PROFILE,
    segment(0xe2, text("MPF\0a second picture")),
    segment(0xed, text("Photoshop 3.0\0by-line")),
    segment(0xfe, text("a comment")),
    TABLES,
    SCAN,
    SECOND_SCAN,
    END,
    text("a film behind the picture"),
  );
  const found = joined(...(bareJpeg(given) ?? []));
  expect(found).toEqual(joined(START, JFIF, PROFILE, TABLES, SCAN, SECOND_SCAN, END));
});

test.each([true, false])("a JPEG stays the right way up, little-endian %s", (isLittle) => {
  const found = joined(...(bareJpeg(joined(START, exif(6, isLittle), TABLES, SCAN, END)) ?? []));
  const kept = found.subarray(2, found.length - TABLES.length - SCAN.length - 2);
  expect([...kept.subarray(0, 4)]).toEqual([0xff, 0xe1, 0, kept.length - 2]);
  expect(new TextDecoder("latin1").decode(found)).not.toMatch(/GPS|SERIAL/);
  expect(bareJpeg(found)?.flatMap((piece) => [...piece])).toEqual([...found]);
});

test("what is broken or no picture is left alone", async () => {
  expect(bareJpeg(text("no picture at all"))).toBeNull();
  expect(bareJpeg(joined(START, TABLES.subarray(0, 20)))).toBeNull();
  expect(bareJpeg(joined(START, JFIF, [0, 0, 0, 0], END))).toBeNull();
  expect(bareJpeg(joined(START, TABLES, SCAN))).toBeNull();
  expect(barePng(text("no picture at all"))).toBeNull();
  expect(await withoutMetadata(new Blob(["a sound"]))).toBeNull();
});

function chunk(name: string, content: string): Bytes {
  const data = text(content);
  return joined([0, 0, data.length >> 8, data.length & 255], text(name), data, [1, 2, 3, 4]);
}

test("a PNG loses what was written into it", async () => {
  const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
  const drawn = ["IHDR", "gAMA", "PLTE", "tRNS", "IDAT"].map((name) => chunk(name, "drawn"));
  const written = ["tEXt", "zTXt", "iTXt", "eXIf", "tIME", "caBX"].map((name) =>
    chunk(name, "Almaty"),
  );
  const end = chunk("IEND", "");
  const given = joined(signature, ...drawn, ...written, end, text("behind it"));
  const found = await withoutMetadata(new Blob([given]));
  expect(found?.type).toBe("image/png");
  const bytes = new Uint8Array((await found?.arrayBuffer()) ?? new ArrayBuffer(0));
  expect(bytes).toEqual(joined(signature, ...drawn, end));
  expect(barePng(given.subarray(0, 60))).toBeNull();
});
