/** Numbers of the report that is written, each from the least to the most. */
import { say } from "../../languages/messages.ts";
import { Button, Field } from "../controls.tsx";
import { type FigureFields, figures, MAX_FIGURES, newKey } from "../draft.ts";

const MOST_LETTERS = 120;
const MOST_DIGITS = 20;

export function Figures() {
  return (
    <fieldset class="group">
      <legend>{say("write.figures")}</legend>
      {figures.value.length > 0 && <p class="hint">{say("write.figure.hint")}</p>}
      {figures.value.map((row) => (
        <Row key={row.key} row={row} />
      ))}
      {figures.value.length < MAX_FIGURES && (
        <Button
          kind="quiet"
          onPress={() => {
            figures.value = [...figures.value, { key: newKey(), what: "", from: "", to: "" }];
          }}
        >
          {say("write.figure.add")}
        </Button>
      )}
    </fieldset>
  );
}

function Row({ row }: { readonly row: FigureFields }) {
  const change = (news: Partial<FigureFields>) => {
    figures.value = figures.value.map((each) =>
      each.key === row.key ? { ...each, ...news } : each,
    );
  };
  return (
    <div class="figure">
      <Field
        label={say("write.figure.what")}
        maxLength={MOST_LETTERS}
        value={row.what}
        onValue={(what) => change({ what })}
      />
      <Field
        label={say("write.figure.from")}
        isNumeric
        maxLength={MOST_DIGITS}
        value={row.from}
        onValue={(from) => change({ from })}
      />
      <Field
        label={say("write.figure.to")}
        isNumeric
        maxLength={MOST_DIGITS}
        value={row.to}
        onValue={(to) => change({ to })}
      />
      <Button
        kind="quiet"
        onPress={() => {
          figures.value = figures.value.filter(({ key }) => key !== row.key);
        }}
      >
        {say("remove")}
        <span class="unseen"> {row.what}</span>
      </Button>
    </div>
  );
}
