/** What the server says of all reports together; times are unix seconds. */

export interface Cluster {
  /** What a filter by city takes. */
  readonly place: string;
  readonly names: Readonly<Record<string, string>>;
  readonly country: string;
  readonly is_region: boolean;
  readonly lat: number;
  readonly lon: number;
  readonly reports: number;
  readonly urgent: number;
  /** Of how many the words may as well mean another place. */
  readonly unsure: number;
  readonly region: string | null;
  /** The other places of this name. */
  readonly namesakes: readonly { readonly place: string; readonly region: string | null }[];
  readonly newest_s: number;
}

export interface Hour {
  readonly hour_s: number;
  /** By their writers' clocks. */
  readonly written: number;
  readonly arrived: number;
}

export interface Delays {
  readonly p50_s: number | null;
  readonly p90_s: number | null;
  readonly buckets: readonly { readonly up_to_s: number; readonly n: number }[];
  /** Written after they arrived; longer before than anything is underway; at no time that is said. */
  readonly early: number;
  readonly absurd: number;
  readonly not_said: number;
}

export interface Answer {
  readonly reports: number;
  readonly clusters: readonly Cluster[];
  readonly unplaced: {
    readonly place: string;
    readonly n: number;
    readonly places: readonly { readonly where: string; readonly n: number }[];
  };
  /** How long each of `hours` lasts. */
  readonly step_s: number;
  /** Those with a report, in their order. */
  readonly hours: readonly Hour[];
  readonly delays: Delays;
}
