import t from 'tap';
import { Event, ROWS, rowKeyBytes, toHex, type ChainEvent, type TxBody } from '@billcoin/protocol';
import { ADDRESS_FIELDS, accountsOf } from '../src/accountsOf.ts';

const address = (no: number): Uint8Array => new Uint8Array(20).fill(no);
const touched = (...events: readonly ChainEvent[]): readonly string[] => [...accountsOf({ sender: address(1) } as TxBody, events)];

t.test('every address field of every event is known by name', async (t) => {
  const names = new Set<string>();
  for (const member of Object.values(Event.fields['event']?.members ?? {})) {
    for (const [name, field] of Object.entries(member.nested?.fields ?? {})) if (field.bounds === '20 bytes') names.add(name);
  }
  t.same([...names].sort(), [...ADDRESS_FIELDS].sort());
});

t.test('sender, parties, farms and registered accounts, each once', async (t) => {
  t.same(touched(), [toHex(address(1))]);
  t.same(touched({ case: 'transferred', value: { from: address(1), to: address(2), amountMl: 5n } }), [address(1), address(2)].map(toHex));
  const minted: ChainEvent = { case: 'minted', value: { batch: new Uint8Array(32), plant: address(3), volumeMl: 9n, tollMl: 0n, repaidMl: 0n, bondedMl: 0n, farms: [{ farm: address(4), weightMl: 9n }] } };
  t.same(touched(minted), [address(1), address(3), address(4)].map(toHex));
  t.same(touched({ case: 'registryChanged', value: { rowKey: rowKeyBytes(ROWS.merchant, toHex(address(5))), by: address(6) } }), [address(1), address(6), address(5)].map(toHex));
  t.same(touched({ case: 'registryChanged', value: { rowKey: rowKeyBytes(ROWS.till, '00000007'), by: address(6) } }), [address(1), address(6)].map(toHex), 'a till is no account');
});
