/** What an original says of itself: read apart, shown as text, believed by nobody. */
import { useSignal } from "@preact/signals";
import { useFetched } from "../state/fetched.ts";
import { say } from "../words/say.ts";

interface Told {
  readonly sha256: string;
  readonly groups: readonly {
    readonly name: string;
    readonly values: readonly { readonly name: string; readonly value: string }[];
  }[];
  readonly place?: { readonly lat: number; readonly lon: number };
  readonly taken?: string;
  readonly device?: string;
}

export function Particulars({ report, file }: { readonly report: string; readonly file: number }) {
  const isOpen = useSignal(false);
  return (
    <details
      class="particulars"
      onToggle={(event) => {
        isOpen.value = event.currentTarget.open;
      }}
    >
      <summary>{say("media.particulars")}</summary>
      {isOpen.value && <Table report={report} file={file} />}
    </details>
  );
}

function Table({ report, file }: { readonly report: string; readonly file: number }) {
  const { found, failure } = useFetched<Told>(`/api/reports/${report}/files/${file}/metadata`);
  if (failure !== "") return <p class="hint">{failure}</p>;
  if (found === null) return <p class="hint">{say("loading")}</p>;
  const { place, taken, device, groups } = found;
  return (
    <>
      <p class="hint">{say("media.claimed")}</p>
      <dl class="told">
        {taken !== undefined && <Value name={say("media.taken")} value={taken} />}
        {device !== undefined && <Value name={say("media.device")} value={device} />}
        {place !== undefined && (
          <Value
            name={say("media.place")}
            value={`${place.lat.toFixed(5)}, ${place.lon.toFixed(5)}`}
          />
        )}
      </dl>
      {groups.map(({ name, values }, at) => (
        <section key={at}>
          <h4>
            <bdi>{name}</bdi>
          </h4>
          <dl class="told">
            {values.map((value, place) => (
              <Value key={place} name={value.name} value={value.value} />
            ))}
          </dl>
        </section>
      ))}
    </>
  );
}

function Value({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt dir="auto">{name}</dt>
      <dd dir="auto">{value}</dd>
    </div>
  );
}
