/** A short field that offers what is known and that Enter adds. */
import type { Signal } from "@preact/signals";

interface AddingProps {
  readonly id: string;
  readonly label: string;
  readonly typed: Signal<string>;
  readonly offered: readonly string[];
  readonly onAdd: () => void;
}

export function Adding({ id, label, typed, offered, onAdd }: AddingProps) {
  return (
    <>
      <input
        id={id}
        type="text"
        class="adding"
        dir="auto"
        autoComplete="off"
        aria-label={label}
        placeholder={label}
        list={`${id}-offered`}
        maxLength={200}
        value={typed.value}
        onInput={(event) => {
          typed.value = event.currentTarget.value;
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && !event.isComposing) onAdd();
        }}
      />
      <datalist id={`${id}-offered`}>
        {offered.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
    </>
  );
}
