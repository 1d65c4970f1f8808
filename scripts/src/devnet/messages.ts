/** What the parts of the devnet say to each other, over the supervisor. Everything is JSON; litres travel as mL numbers. */

/** A lot that was minted. */
export interface LotReport {
  readonly day: number;
  readonly lot: string;
  readonly batchKey: string;
  readonly cows: number;
  readonly dailyG: number;
  readonly milkedMl: number;
  readonly filledMl: number;
  readonly mintedMl: number;
}

/** An order as its QR code hands it over. */
export interface Handed {
  readonly qr: string;
  readonly tillNo: number;
}

/** A purchase as the wallet saw it end. */
export interface Purchase {
  readonly student: number;
  readonly txHash: string;
  readonly ref: string;
  readonly tillNo: number;
  readonly sen: number;
  readonly amountMl: number;
  /** Hex of the coupon that was spent. */
  readonly coupon: string | null;
  readonly height: number;
  readonly timeMs: number;
}

export interface Calls {
  readonly dairy: {
    /** Milks, fills, publishes, opens the batch and waits for the mint. */
    produce(params: { readonly day: number }): LotReport;
    /** Farms and plant sell what they have to the treasury. */
    sell(params: object): { readonly soldMl: number };
    /** The plant signs a delivery of its own batch. base64url of the transaction. */
    cosign(params: { readonly tx: string }): { readonly tx: string };
  };
  readonly treasury: {
    /** Link codes of these students; the roster is imported on the first call. */
    linkCodes(params: { readonly students: readonly number[] }): { readonly codes: readonly string[] };
    /** Fills students up to a balance and pays the cafeteria what it needs for its shelf. */
    topUp(params: { readonly studentMl: number; readonly cafeteriaMl: number }): { readonly paidMl: number };
    /** What is left of an older batch leaves custody in ordinary trade. */
    trade(params: { readonly batchKey: string }): { readonly redeemedMl: number };
  };
  readonly cafeteria: {
    /** Takes litres of a batch for the shelf. */
    restock(params: { readonly batchKey: string; readonly lot: string; readonly amountMl: number }): { readonly redeemedMl: number };
    order(params: { readonly till: number }): Handed;
    sell(params: object): { readonly soldMl: number };
    /** Keeps one order waiting for whoever wants to pay by hand: `<data>/run/order.txt`. */
    offer(params: object): object;
    /** Tills have verified the proofs of all paid orders. */
    settled(params: object): { readonly open: number };
  };
  readonly wallets: {
    link(params: object): { readonly linked: number };
    shop(params: { readonly cartons: number; readonly spreadMs: number }): { readonly purchases: number };
  };
  readonly supervisor: Record<never, never>;
}

export type PartName = keyof Calls;
export type Method<P extends PartName> = keyof Calls[P] & string;
type Fn<P extends PartName, M extends Method<P>> = Extract<Calls[P][M], (params: never) => unknown>;
export type ParamsOf<P extends PartName, M extends Method<P>> = Parameters<Fn<P, M>>[0];
export type AnswerOf<P extends PartName, M extends Method<P>> = ReturnType<Fn<P, M>>;
export type Handlers<P extends PartName> = { readonly [M in Method<P>]: (params: ParamsOf<P, M>) => Promise<AnswerOf<P, M>> };
export type Call = <P extends PartName, M extends Method<P>>(to: P, method: M, params: ParamsOf<P, M>) => Promise<AnswerOf<P, M>>;

/** Things told to the supervisor that want no answer. */
export type Note =
  | { readonly kind: 'say'; readonly text: string }
  /** A wallet signed a Pay now. */
  | { readonly kind: 'signed'; readonly ref: string; readonly atMs: number }
  | { readonly kind: 'purchase'; readonly purchase: Purchase }
  /** A till verified the proof of a payment. */
  | { readonly kind: 'paid'; readonly ref: string; readonly atMs: number };

export type Message =
  | { readonly type: 'ready' }
  | { readonly type: 'call'; readonly id: number; readonly to: PartName; readonly method: string; readonly params: unknown }
  | { readonly type: 'answer'; readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly type: 'answer'; readonly id: number; readonly ok: false; readonly error: string }
  | { readonly type: 'note'; readonly note: Note };
