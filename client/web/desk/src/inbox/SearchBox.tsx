/** One field for words and filters: what is typed as `tag:fire` becomes a chip. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { FIELD_IDS, focusList } from "../shell/keyboard.ts";
import { incidents, tags } from "../state/desk.ts";
import { type Chip, parse, withChip, withoutChip } from "../state/filters.ts";
import { filters, narrow } from "../state/list.ts";
import { aliases, lookForAliases, offers, readOffers } from "../state/offers.ts";
import { suggestions } from "../state/suggesting.ts";
import { say } from "../words/say.ts";

/** Whoever types on is not asked for meanwhile. */
const TYPING_MS = 250;

export function SearchBox() {
  const typed = useSignal(filters.value.words);
  // By its text: what comes in meanwhile may stand before it.
  const picked = useSignal("");
  const isOpen = useSignal(false);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const shownWords = filters.value.words;
  const field = useRef<HTMLInputElement>(null);
  // Another view has its own words; what is being typed is left alone.
  useEffect(() => {
    if (document.activeElement !== field.current) typed.value = shownWords;
  }, [shownWords, typed]);

  const found = suggestions(typed.value, {
    tags: tags.value.map(({ tag }) => tag),
    incidents: incidents.value,
    aliases: aliases.value,
    ...offers.value,
  });
  const shown = isOpen.value ? found : [];
  const at = shown.findIndex(({ text }) => text === picked.value);
  const look = (words: string, wait_ms: number) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => narrow({ ...filters.value, words }), wait_ms);
  };
  const settle = (text: string) => {
    const { chips, words } = parse(text);
    typed.value = words;
    picked.value = "";
    clearTimeout(timer.current);
    narrow(chips.reduce(withChip, { ...filters.value, words }));
  };
  const takeSuggestion = (place: number) => {
    const taken = shown[place];
    if (taken === undefined) return;
    const rest = typed.value.replace(/(?:\w+:"[^"]*|\S+)$/, "");
    if (taken.chip === null) typed.value = rest + taken.text;
    else settle(`${rest} ${taken.text}`);
    picked.value = "";
  };
  const keyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      isOpen.value = true;
      const by = event.key === "ArrowDown" ? 1 : -1;
      picked.value = found[Math.max(-1, Math.min(found.length - 1, at + by))]?.text ?? "";
    } else if (event.key === "Enter") {
      if (at >= 0) takeSuggestion(at);
      else {
        // While something is offered for a word one goes on typing here: letters are no commands.
        const isOffered = shown.length > 0 && typed.value.trim() !== "";
        settle(typed.value);
        if (!isOffered) focusList();
        isOpen.value = false;
      }
    } else if (event.key === "Escape" && isOpen.value && found.length > 0) {
      event.preventDefault();
      isOpen.value = false;
    } else if (event.key === "Backspace" && typed.value === "" && filters.value.chips.length > 0) {
      narrow(withoutChip(filters.value, filters.value.chips.length - 1));
    }
  };
  return (
    <search class="search">
      <div class="search-box">
        {filters.value.chips.map((chip, place) => (
          <button
            type="button"
            class="chip"
            key={`${chip.name}:${chip.value}`}
            aria-label={say("search.remove", { chip: chipWords(chip) })}
            onClick={() => narrow(withoutChip(filters.value, place))}
          >
            <bdi>{chipWords(chip)}</bdi>
            <span aria-hidden="true">×</span>
          </button>
        ))}
        <input
          ref={field}
          id={FIELD_IDS.search}
          type="text"
          role="combobox"
          aria-label={say("search.label")}
          aria-autocomplete="list"
          aria-controls="suggestions"
          aria-expanded={shown.length > 0}
          {...(at >= 0 ? { "aria-activedescendant": `suggestion-${at}` } : {})}
          placeholder={say("search.hint")}
          dir="auto"
          autoComplete="off"
          spellcheck={false}
          value={typed.value}
          onInput={(event) => {
            const text = event.currentTarget.value;
            typed.value = text;
            isOpen.value = true;
            picked.value = "";
            lookForAliases(text);
            const { chips, words } = parse(text);
            clearTimeout(timer.current);
            // A chip is whole once something stands behind it.
            if (chips.length > 0 && /\s$/.test(text)) settle(text);
            else if (chips.length === 0 && !/\w:/.test(text)) look(words, TYPING_MS);
          }}
          onKeyDown={keyDown}
          onFocus={() => {
            isOpen.value = true;
            void readOffers();
          }}
          onBlur={() => {
            isOpen.value = false;
          }}
        />
      </div>
      <div
        id="suggestions"
        role="listbox"
        aria-label={say("search.suggestions")}
        class="suggestions"
        hidden={shown.length === 0}
      >
        {shown.map(({ text, label, hint, also }, place) => (
          <div
            key={text}
            id={`suggestion-${place}`}
            role="option"
            tabIndex={-1}
            aria-selected={place === at}
            onMouseDown={(event) => {
              // The field keeps the focus.
              event.preventDefault();
              takeSuggestion(place);
            }}
          >
            <bdi>{label}</bdi>
            {hint !== null && <small>{say(hint)}</small>}
            {also !== "" && (
              <small>
                <bdi>{also}</bdi>
              </small>
            )}
          </div>
        ))}
      </div>
    </search>
  );
}

/** `tag:fire`; an incident by its name. */
function chipWords({ name, value }: Chip): string {
  if (name !== "incident") return `${name}:${value}`;
  const found = incidents.value.find(({ id }) => id === value);
  return `${name}:${found?.name ?? value.slice(0, 8)}`;
}
