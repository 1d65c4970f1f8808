/** Every route of the API by its operation id. */
import * as abuse from './abuse.ts';
import * as accounts from './accounts.ts';
import * as admin from './admin.ts';
import * as auth from './auth.ts';
import * as batches from './batches.ts';
import * as cashiers from './cashiers.ts';
import * as chain from './chain.ts';
import * as exports from './exports.ts';
import * as health from './health.ts';
import * as light from './light.ts';
import * as loyalty from './loyalty.ts';
import * as merchants from './merchants.ts';
import * as orderMoves from './orderMoves.ts';
import * as orders from './orders.ts';
import * as payments from './payments.ts';
import * as products from './products.ts';
import * as proofs from './proofs.ts';
import * as receipts from './receipts.ts';
import * as refunds from './refunds.ts';
import * as registry from './registry.ts';
import * as streams from './streams.ts';
import * as tills from './tills.ts';
import * as trace from './trace.ts';
import * as transactions from './transactions.ts';
import * as wallets from './wallets.ts';

export const ROUTES = {
  postTransaction: transactions.postTransaction,
  getTransaction: transactions.getTransaction,
  validatePayment: payments.validatePayment,
  postOrder: orders.postOrder,
  listOrders: orders.listOrders,
  getOrderByRef: orders.getOrderByRef,
  getOrder: orders.getOrder,
  cancelOrder: orderMoves.cancelOrder,
  collectOrder: orderMoves.collectOrder,
  getRefundOptions: refunds.getRefundOptions,
  postRefund: refunds.postRefund,
  listRefunds: refunds.listRefunds,
  getRefund: refunds.getRefund,
  approveRefund: refunds.approveRefund,
  rejectRefund: refunds.rejectRefund,
  getReceipt: receipts.getReceipt,
  streamOrders: streams.streamOrdersRoute,
  streamWallet: streams.streamWalletRoute,
  streamHeaders: streams.streamHeadersRoute,
  streamAdmin: streams.streamAdminRoute,
  getLoyalty: loyalty.getLoyalty,
  getCoupon: loyalty.getCoupon,
  exportMilkSales: exports.exportMilkSales,
  exportManifest: exports.exportManifest,
  getDailyReport: exports.getDailyReport,
  listStrays: exports.listStrays,
  bookStray: exports.bookStray,
  createChallenge: auth.createChallenge,
  verifyChallenge: auth.verifyChallenge,
  login: auth.login,
  loginClient: auth.loginClient,
  refreshLogin: auth.refreshLogin,
  logout: auth.logout,
  getMe: auth.getMe,
  loginCashier: auth.loginCashier,
  getJwks: auth.getJwks,
  listUsers: admin.listUsers,
  createUser: admin.createUser,
  getUser: admin.getUser,
  changeUser: admin.changeUser,
  listClients: admin.listClients,
  createClientAccount: admin.createClientAccount,
  getClient: admin.getClient,
  deleteClient: admin.deleteClient,
  rotateKeys: admin.rotateKeys,
  linkWallet: wallets.linkWallet,
  importStudents: wallets.importStudents,
  renewLinkCode: wallets.renewLinkCode,
  listWallets: wallets.listWallets,
  unlinkWallet: wallets.unlinkWallet,
  createLinkCode: wallets.createLinkCode,
  eraseStudent: wallets.eraseStudent,
  getCouponQr: loyalty.getCouponQr,
  getGenesis: chain.getGenesis,
  getStatus: chain.getStatus,
  listPeers: chain.listPeers,
  listBlocks: chain.listBlocks,
  getLatestBlock: chain.getLatestBlock,
  getBlock: chain.getBlock,
  getRawBlock: chain.getRawBlock,
  listValidators: chain.listValidators,
  getValidator: chain.getValidator,
  getAccount: accounts.getAccount,
  listAccountTransactions: accounts.listAccountTransactions,
  listTransactions: accounts.listTransactions,
  listBatches: batches.listBatches,
  getBatch: batches.getBatch,
  getReserve: batches.getReserve,
  getPrice: batches.getPrice,
  listPrices: batches.listPrices,
  traceBatch: trace.traceBatch,
  traceTx: trace.traceTx,
  listMerchants: merchants.listMerchants,
  getMerchant: merchants.getMerchant,
  getTill: merchants.getTill,
  getRegistry: registry.getRegistry,
  enrolTill: tills.enrolTill,
  activateTill: tills.activateTill,
  listTills: tills.listTills,
  reportTill: tills.reportTill,
  revokeTill: tills.revokeTill,
  registerMerchant: tills.registerMerchant,
  listCashiers: cashiers.listCashiers,
  postCashier: cashiers.postCashier,
  patchCashier: cashiers.patchCashier,
  deleteCashier: cashiers.deleteCashier,
  listProducts: products.listProducts,
  postProduct: products.postProduct,
  patchProduct: products.patchProduct,
  deleteProduct: products.deleteProduct,
  getTxProof: proofs.getTxProof,
  getInvoiceProof: proofs.getInvoiceProof,
  getDoneProof: proofs.getDoneProof,
  getRowProof: proofs.getRowProof,
  getCheckpoint: light.getCheckpoint,
  listLightHeaders: light.listLightHeaders,
  postEvidence: light.postEvidence,
  listFlags: abuse.listFlags,
  resolveFlag: abuse.resolveFlag,
  getRateLimits: abuse.getRateLimits,
  putRateLimits: abuse.putRateLimits,
  listAuditLog: abuse.listAuditLog,
  testAlert: abuse.testAlert,
  healthLive: health.healthLive,
  healthReady: health.healthReady,
  healthStartup: health.healthStartup,
} as const;
export type Routes = typeof ROUTES;
export type OperationId = keyof Routes;
