/**
 * A field that finds one of what is known by a part of its name, and offers a new one as an entry
 * of its own: Enter takes what is marked, and never makes a new one that was not marked.
 */
import { useSignal } from "@preact/signals";
import { alike } from "../state/folding.ts";
import { say } from "../words/say.ts";

interface Known {
  readonly id: string;
  readonly name: string;
}

interface ChoosingProps {
  readonly id: string;
  readonly label: string;
  readonly known: readonly Known[];
  /** Whether it was done: then the field is empty again. */
  readonly onTake: (id: string) => Promise<boolean>;
  readonly onMake: (name: string) => Promise<boolean>;
}

const MOST = 8;
const MOST_NAME = 120;

export function Choosing({ id, label, known, onTake, onMake }: ChoosingProps) {
  const typed = useSignal("");
  const isOpen = useSignal(false);
  /** The entry that the arrows went to; null: nobody moved yet. */
  const moved = useSignal<number | null>(null);
  const name = typed.value.trim();
  const found = alike(known, name).slice(0, MOST);
  const count = found.length + (name === "" ? 0 : 1);
  const shown = isOpen.value ? count : 0;
  // Of those that are known the first is marked at once; a new one has to be gone to.
  const first = name !== "" && found.length > 0 ? 0 : -1;
  const at = Math.min(moved.value ?? first, count - 1);
  const entry = (place: number) => `${id}-entry-${place}`;
  const type = (text: string) => {
    typed.value = text;
    isOpen.value = true;
    moved.value = null;
  };
  const take = async (place: number) => {
    const taken = found[place];
    if (taken === undefined && (name === "" || place !== found.length)) return;
    isOpen.value = false;
    const isDone = taken === undefined ? await onMake(name) : await onTake(taken.id);
    if (isDone && typed.value.trim() === name) {
      typed.value = "";
      moved.value = null;
    }
  };
  const press = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      isOpen.value = true;
      const by = event.key === "ArrowDown" ? 1 : -1;
      moved.value = Math.max(-1, Math.min(count - 1, at + by));
    } else if (event.key === "Enter") {
      if (isOpen.value) void take(at);
      else isOpen.value = true;
    } else if (event.key === "Escape" && shown > 0) {
      event.preventDefault();
      isOpen.value = false;
    }
  };
  const entryProps = (place: number) => ({
    id: entry(place),
    role: "option" as const,
    tabIndex: -1,
    "aria-selected": place === at,
    onMouseDown: (event: MouseEvent) => {
      // The field keeps the focus.
      event.preventDefault();
      void take(place);
    },
  });
  return (
    <div class="choosing">
      <input
        id={id}
        type="text"
        class="adding"
        role="combobox"
        dir="auto"
        autoComplete="off"
        aria-label={label}
        aria-autocomplete="list"
        aria-controls={`${id}-entries`}
        aria-expanded={shown > 0}
        {...(shown > 0 && at >= 0 ? { "aria-activedescendant": entry(at) } : {})}
        placeholder={label}
        maxLength={MOST_NAME}
        value={typed.value}
        onInput={(event) => type(event.currentTarget.value)}
        onKeyDown={press}
        onClick={() => {
          isOpen.value = true;
        }}
        onBlur={() => {
          isOpen.value = false;
        }}
      />
      <div
        id={`${id}-entries`}
        role="listbox"
        aria-label={label}
        class="suggestions"
        hidden={shown === 0}
      >
        {shown > 0 &&
          found.map((each, place) => (
            <div key={each.id} {...entryProps(place)}>
              <bdi>{each.name || each.id.slice(0, 8)}</bdi>
            </div>
          ))}
        {shown > 0 && name !== "" && (
          <div key="new" class="new-entry" {...entryProps(found.length)}>
            <span dir="auto">{say("incidents.newEntry", { name })}</span>
          </div>
        )}
      </div>
    </div>
  );
}
