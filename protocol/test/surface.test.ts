/**
 * What other packages may use of the law. A name that is added is added here, so that every change of the public surface
 * is seen in review; a name that is taken away breaks whoever built on it.
 */
import t from 'tap';
import * as protocol from '../src/index.ts';

t.test('the exported names', (t) => {
  const constants = `
    ADDRESS_BYTES AMOUNT_MAX ATTEMPTS_MAX BATCH_READINGS_MAX BLOCK_MAX_BYTES BLOCK_MAX_EVIDENCE BLOCK_MAX_TXS CERTIFICATE_TYPE CHAIN_TAG_BYTES COUPON DAY_MS DEFAULT_PARAMS DELETIONS_MAX
    DEVICE_ALG EPOCH_MAX EVERYBODY EXPIRIES_MAX FAULTS FEE_FREE_MAX FEE_FREE_PER_SIGNER_MAX FLAG HISTORY_MS INVOICE_AMOUNT_MAX_ML INVOICE_BYTES INVOICE_LIFE_MAX_MS INVOICE_PAID
    INVOICE_SEN_MAX INVOICE_SIGNED_BYTES INVOICE_TEXT_LENGTH INVOICE_VOID KINDS MANIFEST_MAX_BYTES MANIFEST_READINGS_MAX ML_PER_BILL NAME_MAX_BYTES NETWORK_HINT_BYTES NIL NO_ROUND
    OPEN_BATCHES_MAX OPEN_BATCH_MAX_BYTES ORDER_SALT_BYTES P256_PUBLIC_KEY_BYTES POINT POINTS_PER_COUPON POLICY_KEYS_MAX PRICE_REPORTS_MIN PUBLIC_KEY_BYTES REF_BYTES ROLE ROWS SHARES_MAX STAKE_GRACE_MS
    SIGNATURE_BYTES SIGNED_BATCH_MAX_BYTES SIGNED_MAX_BYTES SINGLE STATUS_ROUNDS STEP_NUMBER TAGS TIME_MAX_MS TIME_MIN_MS TOTAL_POWER_MAX TREE_VERSIONS_MAX TX_MAX_BYTES VALIDATORS_MAX`;
  const messagesAndClasses = `
    Anchor AssertionError Attest BatchKey Beat Block Body BondDeposit BondWithdraw Certificate Command CommandBody Delegate Draft EditValidator Event Events Evidence FlatState Flow Handover HardState Header Heat
    HoldBatch Lab Manifest OpenBatch Order OrderItem Override OverrideBody Pay PaymentReceipt Proposal ProposalBody ReadingBody ReadingResult RecallBatch Receipt ReceiptBody Redeem Refund
    RegisterDevice RegisterFarm RegisterMerchant RegisterMeter RegisterPlant RegisterTill Rejoin ReportPrice RevokeDevice RevokeTill RoundCert Share Sig Signed SignedBatch SignedBody StateProof
    StateTree Stored Stake Tank Terms Transfer Tx TxBody TxResult Undelegate Unstake Validator ValidatorSet VoidInvoice Vote VoteBody WriteOffBatch`;
  const functions = `
    activeOracles addressOf applyBlock applyTx assert assertReserveWhole attestationId balanceOf bandAt batchKeyOf bitOf bitsOf blockIdBytes blockIdOf bondFloorMl buildBlock buildTree
    canonicalJson cardId certificateBytes chainHash chainTag checkCertificateForm checkP256PublicKey checkPublicKey checkTx checkValidatorSet commitBlock commitHash compareBytes concat
    coreBlockId dayId dayOf delegationId epochAt epochId setOfEpoch setOfHash setsAt stakeEpochOf unbondingId unbondingPoolId decode decodeInvoice decodeInvoiceFor decodePolicy duplicateProposal duplicateVote ed25519PublicKey emptyHardState closedHardState endsObservation isClosed encode encodeChange encodeInvoice
    encodePolicy equalBytes fault faultCode faultNumber faultText formatAddress formatLitres formatRinggit fromBase64Url fromHex genesisRows genesisStateRoot genesisTip gentxBytes
    hashPairsPortable indexOfKey initialState invoiceId invoiceSigningBytes invoiceText isCalendarDate isDeviceKey isLotText isQuorum isSiteText isThird isTimely keyIdOf kindOf loadGenesis
    makeBitmap makeCertificate makeChain makeReceipt makeSchedule makeValidatorSet maskAddress matchCode maySign merklePath merkleRoot message mlToSen msgDelayMs mulDiv networkHint noteId
    attackersOf isUnpunishedAttack offencesIn ok offenceIn oracleQuorum orderRef p256PublicKey paramsOf parseAddress parseGenesisJson parseInvoiceText parseLitres parseRinggit parseRowKey parseTx parseVote paymentFee peerMessages placeOfPoint
    policyAddress poolsOf powerOf precheckP256 precheckSignature prettyCanonicalJson priceAfter priceBands priceInForce proposalBodyBytes proposalTime proposerAt readEvidence readProposal readVote
    recordSigned refundSen refundableMl reserveSums roleId rowKeyBytes senToMl sha256 signEd25519 signInvoice signP256 signedInput signingBytes spendOf splitByWeight stateRows statusOf
    step strictP256Verifier strictVerifier supplyOf taggedHash tillId timeoutProposeMs timeoutVoteMs toBase64Url toHex totalPowerOf txIdOf u32be u64be unsharedBytes unsignedBytes
    unsignedPreimage useSha256 utf8 validatorsHash verifyCertificate verifyEd25519 verifyInvoice verifyMerklePath verifyP256 verifyReceipt verifyStateProof verifyVote voteBodyBytes
    votePreimage votesOf wireBlockId wireFiles wireProposal wireVote`;
  const proofsAndLight = `
    CHECKPOINT_MAX_CHARACTERS CHECKPOINT_SIGNATURES_MAX CLOCK_DRIFT_MAX_MS Checkpoint DONE_KEPT_MS LightBlock PROOF_REFUSALS RowProof SYNC_HEADERS_MAX TRUSTED_KEPT_MAX TRUSTING_PERIOD_MS WITNESSES_MAX
    ExecutionReceipt makeExecutionReceipt openExecutionReceipt openResult verifyExecutionReceipt
    absenceAt attackEvidence attackOffenders checkTrustingPeriod checkpointJson checkpointPreimage executionOutcome followTo invoiceOutcome lightState makeRowProof newestTrusted openReceipt
    openRowProof openTrusted parseCheckpoint passTrust readCandidate takeAnswer trustBackwards trustCheckpoint trustGenesis verifyCheckpointSignatures verifyRowProof walkBackwards withSignature`;
  const added = 'applyDecoded checkSigners cardIdOf decodeBody decodeShared openBlock HASH_BYTES TreeBuilder encodedHash fromHexInto merkleLeafHash merkleRootOfHashes prefixedHashInto sha256Into sha256Parts u32Hex SortedRoot RunningRoot bytesOfHex';
  const names = [constants, messagesAndClasses, functions, proofsAndLight, added].flatMap((list) => list.trim().split(/\s+/));
  t.same(Object.keys(protocol).sort(), names.sort());
  t.end();
});

t.test('constants that others build on', (t) => {
  t.equal(protocol.INVOICE_BYTES, 92);
  t.equal(protocol.ADDRESS_BYTES, 20);
  t.equal(protocol.CHAIN_TAG_BYTES, 8);
  t.equal(protocol.TX_MAX_BYTES, 4_096);
  t.equal(protocol.OPEN_BATCH_MAX_BYTES, 16_384);
  t.equal(protocol.BLOCK_MAX_TXS, 2_000);
  t.equal(protocol.BLOCK_MAX_BYTES, 1_048_576);
  t.equal(protocol.FEE_FREE_MAX, 64);
  t.equal(protocol.FEE_FREE_PER_SIGNER_MAX, 16);
  t.equal(protocol.POINTS_PER_COUPON, 5);
  t.equal(protocol.ML_PER_BILL, 1_000n);
  t.same(protocol.ROLE, { regulator: 1, campusAuthority: 2, treasury: 3 });
  t.end();
});
