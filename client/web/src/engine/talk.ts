/**
 * One session of a reporter with one relay: hello, asking, giving and taking at once, the end.
 *
 * Keeps what it is told before it ends; a session that breaks at any byte loses nothing.
 */
import { concat } from "../protocol/bytes.ts";
import { RemoteError } from "../protocol/errors.ts";
import type { Frame, Welcome } from "../protocol/frames.ts";
import { ClientSession, HELLO } from "../protocol/session.ts";
import { publicTag } from "../protocol/tags.ts";
import type { Fault } from "../protocol/verdicts.ts";
import { CARD_INTEREST, FIRST_OPENED, questions } from "./asking.ts";
import { EngineError, type Refusal } from "./engine.ts";
import { Giving } from "./giving.ts";
import { Lane } from "./lane.ts";
import { Openings } from "./openings.ts";
import { Receiving } from "./receiving.ts";
import type { Target } from "./relays.ts";
import type { Report, Run } from "./run.ts";
import type { SocketLink } from "./socketLink.ts";
import { Words } from "./words.ts";

/** How long to wait for what a relay was asked for, or still owes, once nothing moves. */
const QUIET_MS = 15_000;
/** What a relay may say in one session, twice what is taken of it: people pay by the megabyte. */
const MOST_HEARD_BYTES = 128 << 20;
/** How long a relay may go on talking while no block goes or comes: it wants to hold us up. */
const MOST_TALK_MS = 600_000;

export class Talk {
  /** What the relay said against the session, while it went on. */
  refusal: Refusal | null = null;
  readonly #run: Run;
  readonly #target: Target;
  readonly #report: Report;
  readonly #link: SocketLink;
  readonly #session: ClientSession;
  readonly #giving: Giving;
  readonly #lane: Lane;
  readonly #receiving: Receiving;
  readonly #words: Words;
  readonly #replies: Frame[][] = [];
  #wake: () => void = () => undefined;
  #isWoken = false;
  #openings: Openings | undefined;
  #hasAsked = false;
  #isIdle = false;
  #isOver = false;
  #isCardDue = false;
  #isCardAsked = false;
  #heardBytes = 0;
  /** When a block went or came last. */
  #movedMs = Date.now();

  constructor(run: Run, target: Target, report: Report, link: SocketLink) {
    this.#run = run;
    this.#target = target;
    this.#report = report;
    this.#link = link;
    this.#session = new ClientSession(target.entry.sealingKey);
    const desks = new Set(target.desks.map(({ id }) => id));
    this.#giving = new Giving(target.entry.signingKey, desks, run);
    this.#lane = new Lane(this.#giving, run.outbox);
    this.#receiving = new Receiving(run.library);
    this.#words = new Words(run.outbox, target.key, run.traffic.today);
  }

  get stampsWanted(): number {
    return this.#giving.stampsWanted;
  }

  async run(): Promise<void> {
    const isOwn = this.#target.namedBy === null;
    this.#isCardDue = isOwn && (await this.#run.relays.asksCard(this.#target.key));
    const look = () => {
      this.#giving.isStale = true;
      this.#stir();
    };
    this.#giving.agenda.onMore = () => this.#stir();
    this.#run.listeners.add(look);
    try {
      const offers = await this.#giving.offers();
      const preamble = this.#session.start();
      const first = this.#session.send(HELLO, ...offers);
      await this.#link.send(concat(preamble, first));
      const [read, sent] = await settled(this.#read(), this.#send());
      await this.#words.settle();
      if (this.#receiving.hasNonsense) this.refusal = "relay_nonsense";
      // The relay's own last word says more than that it hung up while we were sending.
      const error = sent !== undefined && isVerdict(read, "cut") ? sent : (read ?? sent);
      if (error !== undefined) throw error;
      // Before END a relay gives all that it was asked for.
      await this.#keepTold();
    } finally {
      this.#run.listeners.delete(look);
      this.#lane.over();
      this.#giving.over();
    }
  }

  #stir(): void {
    this.#isWoken = true;
    this.#wake();
  }

  // Sending

  async #send(): Promise<void> {
    try {
      await this.#sendAll();
    } catch (error) {
      // What the relay has said until now is still read.
      this.#link.close();
      throw error;
    }
  }

  async #sendAll(): Promise<void> {
    while (!this.#isOver) {
      this.#isWoken = false;
      await this.#say();
      const next = this.#isOver ? undefined : await this.#lane.next();
      if (next !== undefined) {
        // Counted first: the relay may have stored it where the link breaks while it drains.
        this.#report.sent += next.size;
        await this.#link.send(this.#session.send(...next.frames));
        this.#movedMs = Date.now();
        this.#run.moved();
        continue;
      }
      if (!this.#isWoken && (this.#isDone || !(await this.#waits()))) break;
    }
    if (!this.#isOver) await this.#link.send(this.#session.send({ type: "end" }));
  }

  /** Answers, questions and offers. */
  async #say(): Promise<void> {
    for (let frames = this.#replies.shift(); frames; frames = this.#replies.shift()) {
      if (frames[0]?.type !== "answers") {
        this.#hasAsked = true;
        this.#isIdle = false;
      }
      if (frames.length > 0) await this.#link.send(this.#session.send(...frames));
    }
    const offers = await this.#giving.offers();
    if (offers.length > 0) await this.#link.send(this.#session.send(...offers));
  }

  get #isDone(): boolean {
    return (
      this.#hasAsked &&
      this.#isIdle &&
      !this.#receiving.isWaiting &&
      !this.#lane.isWaiting &&
      this.#replies.length === 0
    );
  }

  /** Until there may be something to do; false where nothing came for too long. */
  async #waits(): Promise<boolean> {
    const woken = new Promise<true>((resolve) => {
      this.#wake = () => resolve(true);
    });
    if (this.#isWoken) return true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), QUIET_MS);
    });
    const isWoken = await Promise.race([woken, late]);
    clearTimeout(timer);
    return isWoken || this.#link.isSending;
  }

  // Reading

  async #read(): Promise<void> {
    try {
      while (!this.#session.ended) {
        const data = await this.#link.receive();
        if (data === null) {
          if (this.#run.signal.aborted) throw new EngineError("cancelled");
          this.#session.finish();
          return;
        }
        await this.#hear(data);
      }
    } catch (error) {
      if (this.#session.welcome === undefined && isVerdict(error, "bad_channel")) {
        throw new EngineError("wrong_relay");
      }
      // Nothing more can be heard, so nothing more is said.
      this.#link.close();
      throw error;
    } finally {
      this.#isOver = true;
      this.#stir();
    }
  }

  async #hear(data: Uint8Array): Promise<void> {
    this.#heardBytes += data.length;
    if (this.#heardBytes > MOST_HEARD_BYTES) {
      throw new RemoteError("too_large", `more than ${MOST_HEARD_BYTES} bytes in one session`);
    }
    if (Date.now() - this.#movedMs > MOST_TALK_MS) {
      throw new EngineError("relay_nonsense", "it talks, and nothing comes of it");
    }
    for (const frame of this.#session.receive(data)) {
      await this.#heed(frame);
      this.#stir();
    }
    if (this.#session.failure !== undefined) throw this.#session.failure;
  }

  /** Does what a frame asks for, or keeps what it says. */
  async #heed(frame: Frame): Promise<void> {
    switch (frame.type) {
      case "welcome":
        return this.#welcome(frame);
      case "answers":
        return this.#words.keep(this.#giving.answers(frame));
      case "partial":
        return this.#giving.partial(frame);
      case "offers":
        this.#replies.push([await this.#receiving.answer(frame)]);
        return;
      case "header":
      case "leaves":
      case "block": {
        const before = this.#receiving.takenBytes;
        await this.#receiving.take(frame);
        const taken = this.#receiving.takenBytes - before;
        this.#report.received += taken;
        if (taken > 0) this.#movedMs = Date.now();
        return this.#run.moved();
      }
      case "ack":
        return this.#words.keep(this.#lane.acks(frame));
      case "receipt":
        return this.#words.keep(this.#giving.receipt(frame), frame.day);
      case "opened":
        // Of the many that a prefix matches most are other people's.
        if (this.#openings?.heard(frame.parcelId)) return this.#opened(frame);
        return;
      case "idle":
        this.#isIdle = true;
        // Asked before all else, one alone is answered by this, and maybe more.
        if (this.#openings?.interests.length === 1) await this.#keepTold();
        if (this.#isCardDue) {
          // Behind all else: it is of use when this relay can't be reached any more.
          this.#isCardDue = false;
          this.#isCardAsked = true;
          this.#replies.push([CARD_INTEREST]);
        }
        return;
      case "card":
        if (this.#isCardAsked) await this.#keepCard(frame.envelope);
        this.#isCardAsked = false;
        return;
      case "error":
        this.refusal = "failed";
        return;
      default:
      // Purges, stamps, cursors and sketches are for desks and peers.
    }
  }

  async #welcome(frame: Welcome): Promise<void> {
    const { relays, outbox, library, mailboxes } = this.#run;
    this.#report.isReached = true;
    this.#report.state = "open";
    this.#run.moved();
    this.#words.today = frame.day;
    this.#giving.welcome(frame.day, frame.largestBody, frame.effort);
    await relays.noteReached(this.#target.key, this.#report.address, frame.largestBody);
    await library.clearExpired(frame.day);
    const own = new Set(this.#target.desks.map(({ id }) => id));
    const unopened = (await outbox.unopened()).filter(({ desk }) => own.has(desk));
    const wants = [];
    for (const desk of this.#target.desks) {
      const serials = await library.newestSerials(desk);
      wants.push({ tag: publicTag(desk.card.statement.deskId), ...serials });
    }
    const told = await relays.told(this.#target.key);
    const { today } = this.#run.traffic;
    this.#openings = new Openings(frame, unopened, told, today, FIRST_OPENED);
    this.#replies.push([...this.#openings.interests, ...questions(frame, wants, mailboxes)]);
  }

  async #opened(frame: Frame & { type: "opened" }): Promise<void> {
    try {
      if (await this.#run.library.hearOpened(frame, this.#run.traffic.today)) {
        this.#giving.isStale = true;
      }
      this.#openings?.weighed(frame.parcelId, true);
    } catch (error) {
      // It claims that the desk opened a parcel, and the desk did not say so.
      if (!(error instanceof RemoteError)) throw error;
      this.refusal = "relay_nonsense";
      this.#openings?.weighed(frame.parcelId, false);
    }
  }

  /** The relay has answered all that it was asked about openings. */
  async #keepTold(): Promise<void> {
    if (!this.#hasAsked || !this.#openings) return;
    const told = this.#openings.allTold();
    if (told.size > 0) await this.#run.relays.keepTold(this.#target.key, told);
  }

  async #keepCard(envelope: Uint8Array): Promise<void> {
    try {
      await this.#run.relays.keepCard(this.#target.key, envelope);
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
    }
  }
}

/** Both to their ends: what each threw. */
function settled(...works: readonly Promise<void>[]): Promise<unknown[]> {
  return Promise.all(
    works.map((work) =>
      work.then(
        () => undefined,
        (error: unknown) => error ?? new Error("nothing is known of it"),
      ),
    ),
  );
}

function isVerdict(error: unknown, verdict: Fault): boolean {
  return error instanceof RemoteError && error.verdict === verdict;
}
