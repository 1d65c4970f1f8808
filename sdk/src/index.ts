/** Public surface of @billcoin/sdk. Everything else of this package is private; a test guards the list. */
// Declarations: what the server validates with.
export { ROUTES, type OperationId, type Routes } from './api/index.ts';
export * from './api/route.ts';
export { openApi, type OpenApiInfo } from './api/openApi.ts';
export * from './api/problem.ts';
export * from './api/problems.ts';
export type { Title } from './api/faultTitles.ts';
export * from './api/orderStatus.ts';
export type { RegistryStatus } from './api/values.ts';
export type { Account, AccountTransaction } from './api/accounts.ts';
export type { BatchDetail, BatchSummary, Price, Reserve } from './api/batches.ts';
export type { BlockSummary, BlockView, Status, ValidatorView } from './api/chain.ts';
export { MILK_SALES_HEADER } from './api/exports.ts';
export type { Health } from './api/health.ts';
export type { Coupon, Loyalty } from './api/loyalty.ts';
export type { Merchant, MerchantDetail, Till } from './api/merchants.ts';
export { ORDER_BYTES_MAX, type OrderCreated, type OrderDetail, type OrderSummary } from './api/orders.ts';
export { VALIDATE_WAIT_MAX_MS, VALIDATION_ERRORS, type ValidatePaymentAnswer, type ValidatePaymentRequest, type ValidationError } from './api/payments.ts';
export { LIGHT_HEADERS_MAX, type CheckpointAnswer } from './api/light.ts';
export type { RowProofAnswer, TxProof } from './api/proofs.ts';
export type { Registry } from './api/registry.ts';
export * from './api/orderEvents.ts';
export type { OrderEventData } from './api/streams.ts';
export { LOT_FINDINGS, type BatchTrace, type EpcisDocument, type LotFinding, type TxTrace } from './api/trace.ts';
export { TRANSACTION_BODY_MAX_BYTES, type TxAdmission, type TxState, type TxStatus } from './api/transactions.ts';
export { ROSTER_MAX_BYTES, type WalletLinked } from './api/wallets.ts';
// Keys and transactions.
export * from './key.ts';
export { addSignature, attachSignature, decodeTransaction, encodeTransaction, transactionText, TX_LIFE_MS, txSigningBytes, type Envelope, type TxDraft } from './tx/draft.ts';
export * from './tx/anchor.ts';
export * from './tx/attest.ts';
export * from './tx/custody.ts';
export * from './tx/openBatch.ts';
export * from './tx/pay.ts';
export * from './tx/redeem.ts';
export * from './tx/refund.ts';
export * from './tx/registry.ts';
export * from './tx/reportPrice.ts';
export * from './tx/transfer.ts';
export * from './tx/voidInvoice.ts';
// Orders and invoices.
export * from './order/couponText.ts';
export * from './order/createOrder.ts';
export * from './order/payInvoice.ts';
export * from './order/readInvoice.ts';
// Client.
export * from './client/client.ts';
export * from './client/errors.ts';
export { ATTEMPTS_MAX_PER_CALL, type CallOptions } from './client/request.ts';
export * from './actions/orders.ts';
export * from './actions/payments.ts';
export * from './actions/reads.ts';
export * from './actions/streamOrders.ts';
export * from './actions/transactions.ts';
export * from './actions/wallets.ts';
