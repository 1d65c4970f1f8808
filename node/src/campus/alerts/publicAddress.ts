/**
 * Which addresses of the internet a server may be sent to by a configured URL (threat 18): those of everybody. Private,
 * loopback, link-local (cloud metadata), shared, documentation, benchmark, multicast and reserved ranges are not (IANA
 * special-purpose registries, RFC 6890).
 */
import { BlockList, isIP } from 'node:net';

const NOT_PUBLIC_V4 = [
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24',
  '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4',
] as const;
/** Of IPv6 only global unicast is public at all (2000::/3), and of that not what carries IPv4 or belongs to documents. */
const GLOBAL_V6 = '2000::/3';
const NOT_PUBLIC_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'] as const;

function listOf(ranges: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [network = '', bits = ''] = range.split('/');
    list.addSubnet(network, Number(bits), family);
  }
  return list;
}

const notPublic4 = listOf(NOT_PUBLIC_V4, 'ipv4');
const global6 = listOf([GLOBAL_V6], 'ipv6');
const notPublic6 = listOf(NOT_PUBLIC_V6, 'ipv6');
const loopback4 = listOf(['127.0.0.0/8'], 'ipv4');

/** False for whatever is no address. */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !notPublic4.check(address, 'ipv4');
    case 6:
      return global6.check(address, 'ipv6') && !notPublic6.check(address, 'ipv6');
    default:
      return false;
  }
}

export function isLoopbackAddress(address: string): boolean {
  return isIP(address) === 4 ? loopback4.check(address, 'ipv4') : address === '::1';
}
