/** What the server says of reports beside each other, as its JSON has it. */
import type { Basis, Rendition, Row, State } from "../api.ts";

export interface Reason {
  readonly kind: "time" | "place" | "words" | "same_file" | "near_picture";
  readonly words: string;
  readonly weight: number;
}

export interface InIncident {
  readonly id: string;
  readonly name: string;
}

export interface RelatedReports {
  readonly suggestions: readonly {
    readonly row: Row;
    /** 0 to 1. */
    readonly score: number;
    readonly reasons: readonly Reason[];
    /** Those that gather it. */
    readonly incidents: readonly InIncident[];
  }[];
  /** Left out, for an incident gathers them with this report. */
  readonly together: number;
}

export interface Range {
  readonly minimum: number;
  readonly maximum: number;
}

export interface Said extends Range {
  readonly report: string;
  readonly short_id: string;
  readonly alias: string | null;
  readonly what: string;
  readonly basis: Basis;
  readonly where: string;
  readonly written_s: number | null;
  readonly arrived_s: number;
  readonly counts: boolean;
  readonly why_not: "withdrawn" | "corrected" | "rejected" | null;
  readonly agrees: boolean;
}

export interface FigureRow {
  readonly what: string;
  /** null in an incident. */
  readonly mine: Range | null;
  readonly mine_counts: boolean;
  readonly others: readonly Said[];
  readonly lowest: number | null;
  readonly highest: number | null;
  readonly overlap: Range | null;
  readonly sources: number;
  readonly sources_agreeing: number;
  readonly first_hand: number;
  readonly rumour: number;
  readonly more: boolean;
}

export interface FigureRows {
  readonly rows: readonly FigureRow[];
}

export interface IncidentSays {
  readonly figures: FigureRows;
  readonly media: readonly {
    readonly report: string;
    readonly file: number;
    readonly name: string;
    readonly media_type: string;
    readonly size_bytes: number;
    readonly here: readonly Rendition[];
  }[];
}

export interface Preview {
  /** Stands for all of this: sent back, so that nothing else is written. */
  readonly seen: string;
  readonly name: string;
  readonly text: string;
  /** Where its page can be seen as it will be, if it is one. */
  readonly page: string | null;
  readonly is_cut: boolean;
  readonly is_public: boolean;
  readonly reports: number;
  /** How many of them are in each state. */
  readonly states: readonly { readonly state: State; readonly n: number }[];
  readonly files: readonly { readonly path: string; readonly size_bytes: number }[];
  /** Files that are left out, and those of which only a part is taken, each with why. */
  readonly missing: readonly string[];
  readonly shortened: readonly string[];
  readonly left_out: readonly {
    readonly why: "muted" | "not published" | "withdrawn" | "damaged";
    readonly n: number;
  }[];
  readonly blacked_out: readonly { readonly word: string; readonly n: number }[];
}
