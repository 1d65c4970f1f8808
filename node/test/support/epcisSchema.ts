/**
 * The rules of GS1's EPCIS 2.0 JSON binding that concern the events we make, in a JSON schema of our own. Written after
 * EPCIS-JSON-Schema.json (gs1/EPCIS, folder JSON-Schema), whose licence is a disclaimer and allows no copy; the
 * names of its definitions stand in the comments. Stricter than it: nothing beyond what we mean to write is let through.
 */
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';

const uri = { type: 'string', format: 'uri' }; // definitions.uri
const time = { type: 'string', format: 'date-time' }; // definitions.time
/** bizStep-JSON-Schema, disposition-…, bizTransaction-type-…, source-dest-type-…: words of CBV 2.0, or a URI that is none of theirs. */
const ownWord = { type: 'string', format: 'uri', not: { pattern: '^(https://ref\\.gs1\\.org/cbv/|urn:epcglobal:cbv:)' } };
const wordOf = (...words: string[]): object => ({ anyOf: [ownWord, { type: 'string', enum: words }] });

const bizStep = wordOf(
  'accepting', 'arriving', 'assembling', 'collecting', 'commissioning', 'consigning', 'creating_class_instance', 'cycle_counting', 'decommissioning', 'departing', 'destroying', 'disassembling', 'dispensing', 'encoding', 'entering_exiting',
  'holding', 'inspecting', 'installing', 'killing', 'loading', 'other', 'packing', 'picking', 'receiving', 'removing', 'repackaging', 'repairing', 'replacing', 'reserving', 'retail_selling', 'sampling', 'sensor_reporting', 'shipping',
  'staging_outbound', 'stock_taking', 'stocking', 'storing', 'transporting', 'unloading', 'unpacking', 'void_shipping',
);
const disposition = wordOf(
  'active', 'available', 'completeness_inferred', 'completeness_verified', 'conformant', 'container_closed', 'container_open', 'damaged', 'destroyed', 'dispensed', 'disposed', 'encoded', 'expired', 'in_progress', 'in_transit', 'inactive',
  'mismatch_class', 'mismatch_instance', 'mismatch_quantity', 'needs_replacement', 'no_pedigree_match', 'non_conformant', 'non_sellable_other', 'partially_dispensed', 'recalled', 'reserved', 'retail_sold', 'returned', 'sellable_accessible',
  'sellable_not_accessible', 'stolen', 'unavailable', 'unknown',
);
const bizTransactionType = wordOf('bol', 'cert', 'desadv', 'inv', 'pedigree', 'po', 'poc', 'prodorder', 'recadv', 'rma', 'testprd', 'testres', 'upevt');
const partyType = wordOf('owning_party', 'possessing_party', 'location');

const closed = (properties: object, required: readonly string[]): object => ({ type: 'object', properties, required, additionalProperties: false });
const list = (items: object, minItems = 1): object => ({ type: 'array', items, minItems });

/** definitions.quantityElement, definitions.uom (UN/ECE Recommendation 20: two or three capitals or digits). */
const quantities = list(closed({ epcClass: uri, quantity: { type: 'number', exclusiveMinimum: 0 }, uom: { type: 'string', pattern: '^[A-Z0-9]{2,3}$' } }, ['epcClass', 'quantity']));
const bizTransactions = list(closed({ type: bizTransactionType, bizTransaction: uri }, ['bizTransaction'])); // definitions.bizTransaction
const place = closed({ id: uri }, ['id']); // definitions.readPoint

/** definitions.Event: what every event has. The offset's pattern is the standard's. */
const common = {
  type: { type: 'string' }, eventID: { ...uri, pattern: '^ni:///sha-256;[0-9a-f]{64}\\?ver=CBV2\\.0$' }, eventTime: time, eventTimeZoneOffset: { type: 'string', pattern: '^[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00)$' },
  bizStep, disposition, readPoint: place, bizTransactionList: bizTransactions,
  sourceList: list(closed({ type: partyType, source: uri }, ['type', 'source'])), destinationList: list(closed({ type: partyType, destination: uri }, ['type', 'destination'])),
};
const commonRequired = ['type', 'eventID', 'eventTime', 'eventTimeZoneOffset', 'bizStep', 'disposition', 'readPoint'];
const action = { type: 'string', enum: ['OBSERVE', 'ADD', 'DELETE'] }; // definitions.action

/** ObjectEvent-JSON-Schema: action and epcList or quantityList; ilmd only where something begins (ADD). */
const objectEvent = closed({ ...common, type: { const: 'ObjectEvent' }, action, quantityList: quantities }, [...commonRequired, 'action', 'quantityList']);
/** TransactionEvent-JSON-Schema: action, at least one bizTransaction, and epcList or quantityList. */
const transactionEvent = closed({ ...common, type: { const: 'TransactionEvent' }, action, quantityList: quantities }, [...commonRequired, 'action', 'bizTransactionList', 'quantityList']);
/** TransformationEvent-JSON-Schema: no action; inputs and outputs, as there is no transformationID. definitions.ilmd: names are URIs. */
const transformationEvent = closed({
  ...common, type: { const: 'TransformationEvent' }, inputQuantityList: quantities, outputQuantityList: quantities, ilmd: { type: 'object', propertyNames: { type: 'string', format: 'uri' } },
}, [...commonRequired, 'inputQuantityList', 'outputQuantityList']);

/** EPCIS-Document-JSON-Schema, definitions.epcisDocument; definitions.@context; schemaVersion of EPCIS 2.0. */
const document = closed({
  '@context': { type: 'array', uniqueItems: true, minItems: 1, items: { anyOf: [uri, { type: 'object' }] }, contains: { const: 'https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld' } },
  type: { const: 'EPCISDocument' }, schemaVersion: { const: '2.0' }, creationDate: time,
  epcisBody: closed({ eventList: { type: 'array', items: { type: 'object', required: ['type'], oneOf: [objectEvent, transactionEvent, transformationEvent] } } }, ['eventList']),
}, ['@context', 'type', 'schemaVersion', 'creationDate', 'epcisBody']);

const ajv = new Ajv({ allErrors: true, strict: true, strictTypes: false, strictRequired: false });
addFormats.default(ajv);
const validate = ajv.compile(document);

/** Where and why a document departs from the standard; empty when it conforms. */
export function epcisDepartures(value: unknown): readonly string[] {
  return validate(value) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message ?? ''}`);
}
