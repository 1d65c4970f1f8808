/**
 * THE table of rate policies (SPEC §20.3): at most `q` in any window of `windowS` seconds, however the window is laid.
 * `windowS` 0: at most `q` at the same time.
 */
import type { RatePolicy } from '@billcoin/sdk';

export interface Policy {
  readonly q: number;
  readonly windowS: number;
  /** Whose they are: a person with all wallets, an account, a wallet, a machine, a network address (IPv6: its /64). */
  readonly per: 'person' | 'account' | 'wallet' | 'machine' | 'subject' | 'address';
  /** What counts as one. */
  readonly counts: string;
}

export const POLICIES: Readonly<Record<RatePolicy, Policy>> = {
  /** US-006, to the letter. Nobody buys eleven cartons in a minute; a stolen phone or a broken wallet does. */
  pay: { q: 10, windowS: 60, per: 'person', counts: 'payment attempts' },
  /** A person mistypes twice; 5 a minute are 7,200 guesses a day against scrypt. */
  login: { q: 5, windowS: 60, per: 'account', counts: 'failed logins' },
  /** A PIN has few digits and stands in public: 480 guesses a day. */
  pin: { q: 5, windowS: 900, per: 'account', counts: 'wrong PINs' },
  /** A staff room behind one address, all of them at the start of a shift. */
  'login-address': { q: 30, windowS: 60, per: 'address', counts: 'failed logins' },
  /** A link code has 50 bits; who mistypes it five times asks for help. */
  link: { q: 5, windowS: 3_600, per: 'wallet', counts: 'tries to link' },
  /** The first week of a term, many phones behind one campus address. */
  'link-address': { q: 60, windowS: 60, per: 'address', counts: 'tries to link' },
  /** A screen that polls five times a second. */
  user: { q: 300, windowS: 60, per: 'person', counts: 'requests' },
  /** A till at its busiest validates, posts and polls ten times a second. */
  machine: { q: 600, windowS: 60, per: 'machine', counts: 'requests' },
  public: { q: 120, windowS: 60, per: 'address', counts: 'reads without a login' },
  /** Admitted transactions are free, for a campus shares one address; what is refused has cost a check and nobody a fee. */
  bad: { q: 60, windowS: 60, per: 'address', counts: 'refused transactions and evidence' },
  /** A till, a customer screen, a kitchen screen and room for one that did not close. */
  streams: { q: 5, windowS: 0, per: 'subject', counts: 'open streams' },
  'streams-address': { q: 50, windowS: 0, per: 'address', counts: 'open public streams' },
};
