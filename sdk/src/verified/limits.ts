/** Headers of one answer of /light/headers: some 200 KB with four validators. Apart from the declaration, so that a wallet's bundle carries no schema. */
export const LIGHT_HEADERS_MAX = 100;
