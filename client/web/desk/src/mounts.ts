/**
 * Screens that stand in folders of their own, each with an `index.tsx`; one that is not there is
 * not shown.
 */
import type { ComponentType } from "preact";
import type { ReportPage, Wish } from "./api.ts";

export interface Mounts {
  /** One file of a report: what of it is here, as it can be shown. */
  readonly MediaViewer: ComponentType<{ readonly report: ReportPage; readonly file: number }>;
  /** The file of the report that fills the window, where one does. */
  readonly Enlarged: ComponentType<{ readonly report: ReportPage }>;
  /** Which reports may belong together with this one. */
  readonly Related: ComponentType<{ readonly report: ReportPage }>;
  /** The report's figures beside those of others. */
  readonly Figures: ComponentType<{ readonly report: ReportPage }>;
  /** What an incident's reports say together. */
  readonly IncidentContents: ComponentType<{ readonly id: string }>;
  /** Where and when reports cluster; a city, or a span of arrivals, narrows the inbox and shows it. */
  readonly Overview: ComponentType<{
    readonly wish: Wish;
    readonly onCity: (place: string) => void;
    readonly onSpan: (from_s: number, until_s: number) => void;
  }>;
  /** Takes reports out as files, of what `state/exporting.ts` finds where the person is. */
  readonly ExportPanel: ComponentType<{ readonly onDone: () => void }>;
}

const folders = import.meta.glob<Partial<Mounts>>(
  ["./media/index.tsx", "./checks/index.tsx", "./overview/index.tsx"],
  { eager: true },
);

export const mounts: Partial<Mounts> = Object.assign({}, ...Object.values(folders));
