/** EPCIS 2.0 events as far as this chain makes them (GS1 EPCIS 2.0, CBV 2.0; JSON-LD binding). */

/** Words of the Core Business Vocabulary as web URIs. */
export const CBV = 'https://ref.gs1.org/cbv/';
/** Our own words and names. The namespace is not registered: a deployment with GLN and GTIN numbers would use those. */
export const MMU = 'urn:mmu:voc:';
export const EPCIS_CONTEXT = ['https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld', { mmu: MMU }] as const;

export interface EpcisQuantity {
  readonly epcClass: string;
  readonly quantity: number;
  /** LTR; absent for a count of pieces. */
  readonly uom?: 'LTR';
}
export interface EpcisTyped {
  readonly type: string;
}

export interface EpcisEvent {
  readonly type: 'ObjectEvent' | 'TransactionEvent' | 'TransformationEvent';
  readonly eventID: string;
  /** ISO 8601, UTC, milliseconds. */
  readonly eventTime: string;
  readonly eventTimeZoneOffset: '+00:00';
  readonly action?: 'ADD' | 'OBSERVE' | 'DELETE';
  readonly bizStep: string;
  readonly disposition: string;
  readonly readPoint: { readonly id: string };
  readonly quantityList?: readonly EpcisQuantity[];
  readonly inputQuantityList?: readonly EpcisQuantity[];
  readonly outputQuantityList?: readonly EpcisQuantity[];
  readonly bizTransactionList?: readonly (EpcisTyped & { readonly bizTransaction: string })[];
  readonly sourceList?: readonly (EpcisTyped & { readonly source: string })[];
  readonly destinationList?: readonly (EpcisTyped & { readonly destination: string })[];
  readonly ilmd?: Readonly<Record<`cbvmda:${string}`, string>>;
}
