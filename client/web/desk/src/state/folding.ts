/**
 * Names as `folding.py` of the desk folds them, so that `шатыр` finds Шатыр and `алан` finds Алаң:
 * case, accents and the marks of Arabic go, letters that keyboards exchange are one.
 */

const SAME = new Map<string, string>([
  ...pairs("әа ғг қк ңн өо ұу үу һх іи єе ґг ҳх ҷч"),
  ...pairs("كک ڪک يی ىی ېی ۍی ےی ةه ہه ھه ەه ۃه ٱا"),
  ...pairs("ıi łl øo đd ðd əa"),
  ["þ", "th"],
  ["æ", "ae"],
  ["œ", "oe"],
  ["ß", "ss"],
  ["ς", "σ"],
  ...[..."ء'’ʼʻʹ`ـ"].map((each) => [each, ""] as const),
]);
const UNSEEN = /[\p{Mn}\p{Mc}\p{Me}\p{Cf}]/u;
const DIGIT = /\p{Nd}/u;

function pairs(words: string): readonly (readonly [string, string])[] {
  return words.split(" ").map((pair) => {
    const [from = "", to = ""] = [...pair];
    return [from, to] as const;
  });
}

export function fold(text: string): string {
  return [...text].map(folded).join("");
}

function folded(character: string): string {
  const left = [...character.toLowerCase().normalize("NFKD")]
    .map((part) => SAME.get(part) ?? part)
    .filter((piece) => piece !== "" && !UNSEEN.test([...piece][0] ?? ""))
    .map((piece) => (DIGIT.test(piece) ? digit(piece) : piece))
    .join("");
  // A letter that came out of another form may be a capital or have a mark of its own.
  return left === character ? left : [...left].map(folded).join("");
}

/** Ten digits of one script follow each other, the nought at a multiple of ten from the last. */
function digit(piece: string): string {
  let nought = piece.codePointAt(0) ?? 0;
  while (DIGIT.test(String.fromCodePoint(nought - 1))) nought -= 1;
  return String(((piece.codePointAt(0) ?? 0) - nought) % 10);
}

/** Those whose name has these words, also inside another; what begins with them first. */
export function alike<T extends { readonly name: string }>(
  all: readonly T[],
  words: string,
): readonly T[] {
  const wanted = fold(words.trim());
  const found = all.filter(({ name }) => fold(name).includes(wanted));
  const isFirst = ({ name }: T) => fold(name).startsWith(wanted);
  return [...found.filter(isFirst), ...found.filter((each) => !isFirst(each))];
}
