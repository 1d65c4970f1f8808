/** Numbers and tags that stand in signed, hashed or stored bytes. A new one is added below; none is changed or reused. */
import t from 'tap';
import { Event, FAULTS, faultCode, faultNumber, faultText, KINDS, parseRowKey, rowKeyBytes, ROWS, signingBytes, TAGS, taggedHash, TxBody, type FaultCode, type Tag } from '../src/index.ts';

t.test('faults: number n stands at place n', (t) => {
  const codes = `
    malformed wrong_network bad_signature wrong_signers expired valid_until_too_far already_executed fee_too_low insufficient_balance amount_too_small
    amount_too_large self_payment invoice_already_paid invoice_void invoice_expired invoice_too_far price_out_of_band unknown_till till_not_active unknown_merchant
    merchant_not_active unknown_coupon coupon_not_usable coupon_not_yours unknown_invoice exceeds_refundable refund_window_over over_till_cap unknown_batch batch_not_minted
    batch_on_hold batch_expired exceeds_available unknown_plant plant_not_active too_many_open_batches unknown_meter meter_interval_used claim_exceeds_meter batch_not_reopenable
    unknown_farm shares_not_ascending batch_expiry_wrong unknown_oracle already_attested till_number_taken attempt_not_open profile_mismatch ceiling_reached volume_too_large
    too_many_fee_free unknown_device unknown_reporter production_date_wrong batch_ended hold_unchanged plant_owes exceeds_free_bond
    unknown_validator validator_not_active validator_tombstoned stake_too_small no_shares exceeds_shares validator_not_absent`.trim().split(/\s+/) as FaultCode[];
  t.same(Object.fromEntries(Object.entries(FAULTS).map(([code, row]) => [code, row.no])), Object.fromEntries(codes.map((code, index) => [code, index + 1])));
  for (const [index, code] of codes.entries()) {
    t.equal(faultNumber(code), index + 1);
    t.equal(faultCode(index + 1), code);
    t.match(FAULTS[code].text, /^[A-Z].+\.$/, `${code} says in a sentence what to do`);
  }
  t.equal(faultCode(0), undefined, 'done is no fault');
  t.equal(faultCode(codes.length + 1), undefined, 'a number of a later version');
  t.equal(faultText({ code: 'unknown_till' }), FAULTS.unknown_till.text);
  t.equal(faultText({ code: 'insufficient_balance', needMl: 5n, haveMl: 0n }), `${FAULTS.insufficient_balance.text} (needMl 5, haveMl 0)`);
  t.end();
});

t.test('tags', (t) => {
  const tags = `
    tx tx-id header vote proposal invoice order attest batch manifest profile reading reading-id reading-batch reading-json reading-json-id handover override
    command receipt export audit webhook login address multi genesis gentx checkpoint commit validators schedule enrol`.trim().split(/\s+/).map((name) => `bill/${name}/1`);
  t.same(TAGS, tags);
  t.equal(new Set(TAGS).size, TAGS.length);
  t.throws(() => taggedHash('bill/other/1' as Tag, new Uint8Array(0)), /unknown tag/);
  t.throws(() => signingBytes('bill/tx/1', new Uint8Array(31)), /32 bytes/);
  t.end();
});

t.test('prefixes of state rows', (t) => {
  const prefixes = {
    account: 0x01, card: 0x02, coupon: 0x03, done: 0x04, invoice: 0x05, merchant: 0x06, till: 0x07, farm: 0x08, plant: 0x09, device: 0x0a, meter: 0x0b, oracle: 0x0c, oracleSet: 0x0d, role: 0x0e, reporter: 0x0f,
    batch: 0x10, attestation: 0x11, note: 0x12, price: 0x13, validator: 0x14, delegation: 0x15, unbonding: 0x16, unbondingPool: 0x17, stakeEpoch: 0x18, validatorSet: 0x19, admitted: 0x1a,
    params: 0x20, supply: 0x21, pools: 0x22, stake: 0x23, seen: 0x24,
  };
  t.same(Object.fromEntries(Object.entries(ROWS).map(([name, row]) => [name, row.prefix])), prefixes);
  for (const [name, row] of Object.entries(ROWS)) {
    t.equal(row.name, name);
    const key = rowKeyBytes(row, '00ff');
    t.same(key, Uint8Array.of(row.prefix, 0, 255));
    t.match(parseRowKey(key), { type: { name }, id: '00ff' });
  }
  t.equal(parseRowKey(Uint8Array.of(0xee, 1)), undefined);
  t.equal(parseRowKey(new Uint8Array(0)), undefined);
  t.throws(() => rowKeyBytes(ROWS.account, 'xyz'), /is hex/);
  t.end();
});

t.test('kinds and events', (t) => {
  const kinds = {
    transfer: 1, pay: 2, voidInvoice: 3, refund: 4, redeem: 5, openBatch: 6, attest: 7, registerMerchant: 8, registerTill: 9, revokeTill: 10, registerFarm: 11, registerPlant: 12, registerDevice: 13,
    registerMeter: 14, revokeDevice: 15, holdBatch: 16, recallBatch: 17, writeOffBatch: 18, bondWithdraw: 19, stake: 20, unstake: 21, delegate: 22, undelegate: 23, editValidator: 24, rejoin: 25, reportPrice: 27, anchor: 44, bondDeposit: 45,
  };
  t.same(Object.fromEntries(Object.values(KINDS).map((kind) => [kind.name, kind.no])), kinds);
  t.same(Object.fromEntries(Object.entries(TxBody.fields['kind']?.members ?? {}).map(([name, field]) => [name, field.no - 15])), kinds, 'the field in TxBody is 15 + the number');
  const events = ['transferred', 'paid', 'pointEarned', 'couponIssued', 'refunded', 'pointTaken', 'couponCancelled', 'redeemed', 'batchOpened', 'attested', 'minted', 'batchRejected', 'oracleRevoked', 'invoiceVoided', 'registryChanged', 'priceReported', 'anchored',
    'batchHeld', 'custodyEnded', 'bondDeposited', 'bondWithdrawn', 'staked', 'unstaked', 'validatorEdited', 'rejoined'];
  t.same(Object.fromEntries(Object.entries(Event.fields['event']?.members ?? {}).map(([name, field]) => [name, field.no])), Object.fromEntries(events.map((name, index) => [name, index + 1])));
  t.end();
});
