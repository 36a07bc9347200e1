/** What the export asks first, from wherever it is opened. */
import { beforeEach, expect, test } from "vitest";
import type { ReportPage } from "../src/api.ts";
import { incidents } from "../src/state/desk.ts";
import { openExport, scope, subjects } from "../src/state/exporting.ts";
import { NO_FILTERS, parse } from "../src/state/filters.ts";
import { chosen, filters, total } from "../src/state/list.ts";
import { incident, place, sheet } from "../src/state/navigation.ts";
import { report } from "../src/state/report.ts";

const NOW_S = 1_641_470_400;
const OPEN = { id: "ab".repeat(32), short_id: "abababab", what: "Shots" } as ReportPage;

beforeEach(() => {
  place.value = "inbox";
  report.value = null;
  chosen.value = new Set();
  filters.value = NO_FILTERS;
  total.value = 7;
});

test("all that the inbox shows is there, with its filters and without groups", () => {
  filters.value = parse("alias:amber-heron since:1h smoke");
  expect(subjects(NOW_S)).toEqual([
    {
      scope: "shown",
      count: 7,
      name: "",
      wanted: { words: "smoke", alias: "amber-heron", since_s: NOW_S - 3_600 },
    },
  ]);
});

test("the open report comes before all, and what was chosen before the open one", () => {
  report.value = OPEN;
  const found = () => subjects(NOW_S).map(({ scope: of, count }) => `${of} ${count}`);
  expect(found()).toEqual(["report 1", "shown 7"]);
  expect(subjects(NOW_S)[0]).toMatchObject({ name: "Shots", wanted: { ids: [OPEN.id] } });
  chosen.value = new Set(["cd", "ef"]);
  expect(found()).toEqual(["chosen 2", "report 1", "shown 7"]);
});

test("among incidents it is the open one, else the first", () => {
  place.value = "incidents";
  report.value = OPEN;
  incidents.value = [
    { id: "11", name: "", reports: 1, newest_s: null },
    { id: "22", name: "Square", reports: 3, newest_s: null },
  ];
  incident.value = null;
  expect(subjects(NOW_S)[0]).toMatchObject({ scope: "incident", count: 1, name: "11" });
  incident.value = "22";
  expect(subjects(NOW_S)[0]).toMatchObject({ name: "Square", wanted: { incident: "22" } });
  expect(subjects(NOW_S)).toHaveLength(2);
});

test("it opens with what was asked for, or leaves that to where the person is", () => {
  openExport("shown");
  expect([scope.value, sheet.value]).toEqual(["shown", "export"]);
  openExport();
  expect(scope.value).toBeNull();
});
