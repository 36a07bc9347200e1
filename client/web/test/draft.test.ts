/** The report that is written: figures as people type them, and what goes without originals. */
import { afterEach, expect, test } from "vitest";
import * as draft from "../src/app/draft.ts";

afterEach(draft.clearDraft);

function typed(what: string, from: string, to: string) {
  draft.figures.value = [{ key: draft.newKey(), what, from, to }];
  return draft.typedFigures();
}

test("figures are read as they are typed on any keypad", () => {
  expect(typed("injured", "16", "20")).toEqual([{ what: "injured", minimum: 16, maximum: 20 }]);
  expect(typed("injured", "16", "")).toEqual([{ what: "injured", minimum: 16, maximum: 16 }]);
  expect(typed("زخمی", "۱۶", "٢٠")).toEqual([{ what: "زخمی", minimum: 16, maximum: 20 }]);
  expect(typed("people", "1 000", "2,000")).toEqual([
    { what: "people", minimum: 1000, maximum: 2000 },
  ]);
});

test("a row that is left empty is no figure, one that is half filled is refused", () => {
  expect(typed("", "", "")).toEqual([]);
  expect(typed("", "5", "")).toBeNull();
  expect(typed("injured", "", "")).toBeNull();
  expect(typed("injured", "20", "16")).toBeNull();
  expect(typed("injured", "many", "")).toBeNull();
  expect(typed("injured", "12345678901234567890", "")).toBeNull();
});

test("without originals the previews go, and what has none stays behind", () => {
  const preview = new Blob(["preview"]);
  const thumbnail = new Blob(["thumbnail"]);
  const film = new File(["film"], "street.mp4", { type: "video/mp4" });
  const sound = new File(["sound"], "voice", { type: "" });
  draft.files.value = [
    { key: 1, file: film, renditions: { thumbnail, preview }, bare: null },
    { key: 2, file: sound, renditions: { thumbnail: null, preview: null }, bare: null },
  ];
  const { files } = draft.toDraft([], "kk", null, true);
  expect(files).toEqual([
    { data: preview, name: "street.jpg", mediaType: "image/jpeg", thumbnail, preview: null },
  ]);
  const whole = draft.toDraft([], "kk", null, false);
  expect(whole.files.map(({ data }) => data)).toEqual([film, sound]);
  expect(whole.files[1]?.mediaType).toBe("application/octet-stream");
  expect(whole.language).toBe("kk");
});

test("the original goes untouched unless place and device are to be taken out", () => {
  const photo = new File(["photo"], "a.jpg", { type: "image/jpeg" });
  const bare = new Blob(["bare"]);
  draft.files.value = [
    { key: 1, file: photo, renditions: { thumbnail: null, preview: null }, bare },
  ];
  expect(draft.toDraft([], "en", null, false).files[0]?.data).toBe(photo);
  draft.isStripped.value = true;
  expect(draft.toDraft([], "en", null, false).files[0]?.data).toBe(bare);
});

test("a draft that is cleared leaves nothing behind", () => {
  draft.text.value = "what happened";
  draft.code.value = "1234";
  draft.figures.value = [{ key: 1, what: "a", from: "1", to: "2" }];
  draft.files.value = [{ key: 1, file: new File(["a"], "a"), renditions: null, bare: null }];
  draft.clearDraft();
  expect(draft.isEmpty()).toBe(true);
  const cleared = draft.toDraft(draft.typedFigures() ?? [], "en", null, false);
  expect({ ...cleared, desk: "" }).toEqual({
    desk: "",
    text: "",
    what: "",
    where: "",
    when: "",
    basis: 0,
    figures: [],
    language: "en",
    urgent: false,
    files: [],
    code: null,
    today: null,
  });
});
