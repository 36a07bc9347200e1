/**
 * The outlines of the countries, from Natural Earth as the package world-atlas has them, and where
 * a place lies among them. They are part of the app: no server is asked for a piece of a map.
 */
import {
  type GeoPermissibleObjects,
  type GeoProjection,
  geoAzimuthalEqualArea,
  geoCentroid,
  geoContains,
  geoPath,
} from "d3-geo";
import { feature } from "topojson-client";
import type { Cluster } from "./answer.ts";

type Topology = Parameters<typeof feature>[0];
type Countries = Extract<ReturnType<typeof feature>, { type: "FeatureCollection" }>;
export type Country = Countries["features"][number];

export const WIDTH = 960;
export const HEIGHT = 540;
const MARGIN = 24;
/** How many of the largest places are asked for the country that they lie in. */
const ASKED = 5;

let countries: Promise<readonly Country[]> | null = null;

/** All countries, loaded when the map is first shown. */
export function atlas(): Promise<readonly Country[]> {
  countries ??= load();
  return countries;
}

async function load(): Promise<readonly Country[]> {
  const { default: text } = await import("world-atlas/countries-50m.json?raw");
  const topology = JSON.parse(text) as Topology;
  const { countries: all } = topology.objects;
  return all === undefined ? [] : (feature(topology, all) as Countries).features;
}

/** The country code with the most reports, and its places, the largest first; all without one. */
export function mostReported(clusters: readonly Cluster[]): readonly Cluster[] {
  const sums = new Map<string, number>();
  for (const { country, reports } of clusters) {
    sums.set(country, (sums.get(country) ?? 0) + reports);
  }
  const [first] = [...sums].sort((one, other) => other[1] - one[1]);
  return clusters.filter(({ country }) => country === first?.[0]);
}

/** The country in which the largest of these places lies, if the outlines have it. */
export function countryOf(
  clusters: readonly Cluster[],
  all: readonly Country[],
): Country | undefined {
  for (const { lon, lat } of clusters.slice(0, ASKED)) {
    const found = all.find((country) => geoContains(country, [lon, lat]));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The country with the most reports fills the picture; without one the places do, or the world. */
export function projectionFor(
  clusters: readonly Cluster[],
  all: readonly Country[],
): GeoProjection {
  const places = mostReported(clusters);
  const points: GeoPermissibleObjects = {
    type: "MultiPoint",
    coordinates: places.map(({ lon, lat }) => [lon, lat]),
  };
  const shown =
    countryOf(places, all) ?? (places.length > 1 ? points : { type: "Sphere" as const });
  const [lon, lat] = shown.type === "Sphere" ? [60, 35] : geoCentroid(shown);
  return geoAzimuthalEqualArea()
    .rotate([-lon, -lat])
    .fitExtent(
      [
        [MARGIN, MARGIN],
        [WIDTH - MARGIN, HEIGHT - MARGIN],
      ],
      shown,
    )
    .clipExtent([
      [-WIDTH, -HEIGHT],
      [2 * WIDTH, 2 * HEIGHT],
    ]);
}

export interface Outline {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  /** Whether the picture is of this country. */
  readonly isOwn: boolean;
}

/** What of each country can be seen, as paths; the rest is left out. */
export function outlines(
  all: readonly Country[],
  projection: GeoProjection,
  own?: Country,
): readonly Outline[] {
  const draw = geoPath(projection).digits(1);
  return all.flatMap((country, at) => {
    const path = draw(country);
    const name = String(country.properties?.name ?? "");
    return path === null
      ? []
      : [{ id: `${country.id ?? at} ${name}`, name, path, isOwn: country === own }];
  });
}
