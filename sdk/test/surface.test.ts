/** The public surface, name by name: an accidental export or removal shows in review. */
import t from 'tap';
import * as sdk from '../src/index.ts';

const SURFACE = [
  'ADMIN_EVENTS', 'API_BASE', 'ATTEMPTS_MAX_PER_CALL', 'ApiError', 'BACKWARDS_MAX', 'BAND_BPS', 'BODY_MAX_BYTES', 'CALL_TIMEOUT_MS', 'CASHIERS_MAX', 'COMMITS_MAX', 'COMMON_PROBLEMS', 'COUPON_EFFECTS', 'ConnectionError', 'FLAG_OUTCOMES',
  'FLAG_RULES', 'FRAME_MAX_CHARS', 'HEADER_AGE_MAX_MS', 'HEADER_EVENTS', 'HEARTBEAT_MS', 'INVOICE_LIFE_S', 'LIGHT_HEADERS_MAX', 'LOT_FINDINGS', 'MILK_SALES_HEADER', 'MIN_FEE_ML', 'MONTH_PATTERN', 'ORDER_BYTES_MAX', 'ORDER_EVENTS', 'ORDER_STATUS',
  'POLL_MS', 'PROBLEMS', 'PROBLEM_TYPE_PREFIX', 'PRODUCTS_MAX', 'PRODUCT_NAME_MAX_BYTES', 'Problem', 'ProofError', 'RATE_LIMIT_Q_MAX', 'RATE_LIMIT_WINDOW_MAX_S', 'RATE_POLICIES', 'REFUND_STATUS', 'REOPENS_MAX', 'ROLES',
  'ROSTER_MAX_BYTES', 'ROUTES', 'SEED_BYTES', 'SILENCE_MAX_MS', 'STREAM_EVENTS', 'TIME_ZONE_PATTERN', 'TRANSACTION_BODY_MAX_BYTES', 'TX_LIFE_MS', 'TimeoutError', 'UntrustedAnswerError', 'VALIDATE_WAIT_MAX_MS', 'VALIDATION_ERRORS', 'ValidationProblem',
  'WAIT_TIMEOUT_MS', 'WALLET_EVENTS', 'activateTill', 'addCashier', 'addProduct', 'addSignature', 'approveRefund', 'attachSignature', 'bookStray', 'buildAnchor', 'buildAttest', 'buildBondDeposit', 'buildBondWithdraw', 'buildDelegate',
  'buildEditValidator', 'buildHoldBatch', 'buildOpenBatch', 'buildPay', 'buildRecallBatch', 'buildRedeem', 'buildRefund', 'buildRegisterDevice', 'buildRegisterFarm', 'buildRegisterMerchant', 'buildRegisterMeter',
  'buildRegisterPlant', 'buildRegisterTill', 'buildRejoin', 'buildReportPrice', 'buildRevokeDevice', 'buildRevokeTill', 'buildStake', 'buildTransfer', 'buildUndelegate', 'buildUnstake', 'buildVoidInvoice', 'buildWriteOffBatch',
  'cancelOrder', 'changeCashier', 'changeProduct', 'changeUser', 'checkpointRoot', 'collectOrder', 'couponText', 'createChallenge', 'createClient', 'createClientAccount', 'createKey', 'createLinkCode', 'createOrder', 'createUser', 'createVerifiedClient',
  'decodeTransaction', 'deleteClient', 'encodeTransaction', 'enrolSigningBytes', 'enrolText', 'enrolTill', 'eraseStudent', 'exportMilkSales', 'getAccount', 'getBatch', 'getBatchTrace', 'getBlock', 'getCoupon', 'getDailyReport',
  'getEpcis', 'getExportManifest', 'getGenesis', 'getJwks', 'getLoyalty', 'getMe', 'getMerchant', 'getOrder', 'getPrice', 'getRateLimits', 'getRawBlocks', 'getReceipt', 'getRefund', 'getRefundOptions', 'getRegistry', 'getReserve', 'getStatus', 'getTill',
  'getTransaction', 'getTxProof', 'getTxTrace', 'getUser', 'getValidator', 'importStudents', 'isProblemCode', 'keyFromSeed', 'linkWallet', 'listAccountTransactions', 'listAuditLog', 'listBatches', 'listBlocks', 'listCashiers', 'listClients',
  'listFlags', 'listMerchants', 'listOrders', 'listPeers', 'listPrices', 'listProducts', 'listRefunds', 'listStrays', 'listTills', 'listUsers', 'listValidators', 'listWallets', 'login', 'loginByKey', 'loginCashier', 'loginClient', 'logout',
  'lookupFrom', 'offlinePayText', 'openApi', 'openFailover', 'orderTotals', 'parseCouponText', 'parseEnrolText', 'parseOfflinePay', 'parseSimpleCode', 'payInvoice', 'paymentOf', 'postOrder', 'postRefund', 'productItem', 'provenExecutionOutcome', 'provenInvoiceOutcome', 'putRateLimits', 'randomBytes',
  'readInvoice', 'readOrder', 'readSimpleCode', 'refreshLogin', 'registerMerchant', 'rejectRefund', 'removeCashier', 'removeProduct', 'renewLinkCode', 'reportTill', 'resolveFlag', 'revokeTill', 'rotateKeys', 'route', 'sendTransaction', 'signChallenge',
  'signEnrolment', 'signPay', 'signTransfer', 'simpleCodeText', 'streamAdmin', 'streamHeaders', 'streamOrders', 'streamWallet', 'testAlert', 'transactionText', 'txSigningBytes', 'unlinkWallet', 'validatePayment', 'verifiedBalance', 'verifiedExecution', 'verifiedPayment',
  'verifiedReceipt', 'verifiedReserve', 'verifiedRow', 'verifiedTransaction', 'verifyPayment', 'waitForTransaction', 'withLogin',
];

t.test('the surface is the one that was agreed', (t) => {
  t.same(Object.keys(sdk).sort(), [...SURFACE].sort());
  t.end();
});
